use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(flash)]
    notice: String,
}

fn main() {}
