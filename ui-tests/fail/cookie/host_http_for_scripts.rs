use session_runtime::Session;

#[derive(Session)]
#[session(name = "__Host-Http-shop", http_only = false)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
