use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(skip = "request")]
    page: u8,
}

fn main() {}
