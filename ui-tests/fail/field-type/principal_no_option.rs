use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal)]
    user: u64,
}

fn main() {}
