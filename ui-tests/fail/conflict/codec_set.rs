use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(set, codec = session_runtime::codec::Json)]
    field: std::collections::BTreeSet<u32>,
}

fn main() {}
