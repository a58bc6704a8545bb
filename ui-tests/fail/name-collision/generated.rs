use session_runtime::Session;

#[derive(Session)]
struct Shop {
    idle: u8,
    #[session(rename = "end")]
    absolute: Option<u8>,
}

fn main() {}
