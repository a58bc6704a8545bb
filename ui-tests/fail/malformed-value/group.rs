use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(group)]
    step: u8,
}

fn main() {}
