use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(set(tags))]
    tags: std::collections::BTreeSet<u32>,
}

fn main() {}
