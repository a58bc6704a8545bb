use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(set)]
    tags: std::collections::BTreeSet<u32>,
    #[session(extra)]
    more: std::collections::BTreeMap<String, String>,
    #[session(merge = "set")]
    roles: std::collections::HashSet<u32>,
}

fn main() {}
