use session_runtime::Session;

#[derive(Session)]
struct Shop {
    r#__context: u8,
    page: u8,
}

fn main() {}
