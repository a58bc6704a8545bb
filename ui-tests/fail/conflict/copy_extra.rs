use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extra, copy)]
    field: std::collections::BTreeMap<String, String>,
}

fn main() {}
