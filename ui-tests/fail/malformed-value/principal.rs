use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal = true)]
    user: Option<u64>,
}

fn main() {}
