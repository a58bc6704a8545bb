use session_runtime::Session;

#[derive(Session)]
#[session(counter)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
