use session_runtime::Session;

#[derive(Session)]
#[session(idle = "0s")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
