use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(counter)]
    stock: std::collections::BTreeMap<u32, f64>,
}

fn main() {}
