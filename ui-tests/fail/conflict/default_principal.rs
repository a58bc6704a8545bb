use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal, default = 1)]
    field: Option<u64>,
}

fn main() {}
