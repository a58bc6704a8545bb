use session_runtime::Session;

#[derive(Session)]
#[session(path)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
