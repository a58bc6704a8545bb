use session_runtime::Session;

#[derive(Session)]
#[session(name = "__Host-shop", secure = false)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
