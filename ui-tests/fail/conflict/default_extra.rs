use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extra, default = 1)]
    field: std::collections::BTreeMap<String, String>,
}

fn main() {}
