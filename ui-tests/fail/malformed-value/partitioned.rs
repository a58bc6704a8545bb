use session_runtime::Session;

#[derive(Session)]
#[session(partitioned(true))]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
