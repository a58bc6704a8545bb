use session_runtime::Session;

#[derive(Session)]
#[session(name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
