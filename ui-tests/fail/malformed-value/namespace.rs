use session_runtime::Session;

#[derive(Session)]
#[session(namespace = 7)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
