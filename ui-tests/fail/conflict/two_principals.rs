use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal)]
    user: Option<u64>,
    #[session(principal)]
    admin: Option<u64>,
}

fn main() {}
