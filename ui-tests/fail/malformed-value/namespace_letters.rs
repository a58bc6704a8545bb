use session_runtime::Session;

#[derive(Session)]
#[session(namespace = "shop@home")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
