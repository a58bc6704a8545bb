use session_runtime::Session;

#[derive(Session)]
struct Shop {
    x: Option<u8>,
    #[session(getter = "clear_x")]
    y: u8,
}

fn main() {}
