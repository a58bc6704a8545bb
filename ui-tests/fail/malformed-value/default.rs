use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(default)]
    page: u8,
}

fn main() {}
