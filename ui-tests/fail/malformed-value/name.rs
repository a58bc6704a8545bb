use session_runtime::Session;

#[derive(Session)]
#[session(name = 1)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
