use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(flash)]
    errors: std::collections::VecDeque<u32>,
}

fn main() {}
