use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(set, copy)]
    field: std::collections::BTreeSet<u32>,
}

fn main() {}
