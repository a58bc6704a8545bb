use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal, validate = |user: &u64| *user > 0)]
    user: Option<u64>,
}

fn main() {}
