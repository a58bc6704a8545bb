use session_runtime::Session;

#[derive(Session)]
#[session(crate = 1 + 1)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
