use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(default = "ten")]
    page: u8,
}

fn main() {}
