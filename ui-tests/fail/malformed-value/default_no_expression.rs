use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(default = 1 +)]
    page: u8,
}

fn main() {}
