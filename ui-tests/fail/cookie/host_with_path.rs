use session_runtime::Session;

#[derive(Session)]
#[session(name = "__Host-shop", path = "/shop")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
