use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(default = true)]
    page: u8,
}

fn main() {}
