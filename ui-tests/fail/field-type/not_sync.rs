use session_runtime::Session;

#[derive(Session)]
struct Shop {
    tags: std::cell::Cell<u32>,
}

fn main() {}
