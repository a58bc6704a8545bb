use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal, keep)]
    field: Option<u64>,
}

fn main() {}
