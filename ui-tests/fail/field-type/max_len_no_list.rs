use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(max_len = 3)]
    name: String,
    #[session(max_len = 3)]
    roles: std::collections::BTreeSet<u32>,
}

fn main() {}
