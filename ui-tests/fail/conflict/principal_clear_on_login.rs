use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal, clear_on_login)]
    field: Option<u64>,
}

fn main() {}
