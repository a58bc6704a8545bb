use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extra = true)]
    more: std::collections::BTreeMap<String, String>,
}

fn main() {}
