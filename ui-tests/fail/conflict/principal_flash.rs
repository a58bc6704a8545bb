use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal, flash)]
    field: Option<u64>,
}

fn main() {}
