use session_runtime::Session;

#[derive(Session)]
#[session(name = "__host-shop", domain = "example.com")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
