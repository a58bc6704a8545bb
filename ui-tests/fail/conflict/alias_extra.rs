use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extra, alias = "a")]
    field: std::collections::BTreeMap<String, String>,
}

fn main() {}
