use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(on_decode_error = "reset")]
    page: u8,
}

fn main() {}
