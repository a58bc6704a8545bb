use session_runtime::Session;

#[derive(Session)]
struct Shop {
    __context: u8,
}

fn main() {}
