use session_runtime::Session;

#[derive(Session)]
#[session(prefix = "__Host-")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
