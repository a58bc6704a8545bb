use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extra, secret)]
    field: std::collections::BTreeMap<String, String>,
}

fn main() {}
