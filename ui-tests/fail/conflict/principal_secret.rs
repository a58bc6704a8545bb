use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal, secret)]
    field: Option<u64>,
}

fn main() {}
