use session_runtime::Session;

#[derive(Session)]
#[session(transport = "cooky")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
