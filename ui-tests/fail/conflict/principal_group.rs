use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal, group = "g")]
    field: Option<u64>,
}

fn main() {}
