use session_runtime::Session;

#[derive(Session)]
#[session(principall)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
