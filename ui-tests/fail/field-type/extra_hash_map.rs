use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extra)]
    more: std::collections::HashMap<String, String>,
}

fn main() {}
