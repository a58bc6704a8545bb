use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(copy = true)]
    page: u8,
}

fn main() {}
