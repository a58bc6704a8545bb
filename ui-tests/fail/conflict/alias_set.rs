use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(set, alias = "a")]
    field: std::collections::BTreeSet<u32>,
}

fn main() {}
