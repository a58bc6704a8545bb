use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal, merge = "last")]
    field: Option<u64>,
}

fn main() {}
