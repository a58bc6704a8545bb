use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(alias)]
    page: u8,
}

fn main() {}
