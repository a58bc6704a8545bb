use session_runtime::Session;

#[derive(Session)]
#[session(name = "__host-http-shop", path = "/shop")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
