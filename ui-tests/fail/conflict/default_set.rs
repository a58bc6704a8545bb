use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(set, default = BTreeSet::new())]
    field: std::collections::BTreeSet<u32>,
}

fn main() {}
