use session_runtime::Session;

#[derive(Session)]
#[session(idel = "30m", absolute = "12x")]
struct Shop {
    #[session(counter, default = 1)]
    visits: i64,
    #[session(flash)]
    notice: String,
    #[session(rename = "visits")]
    seen: bool,
}

fn main() {}
