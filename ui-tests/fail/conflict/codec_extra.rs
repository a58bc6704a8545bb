use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extra, codec = session_runtime::codec::Json)]
    field: std::collections::BTreeMap<String, String>,
}

fn main() {}
