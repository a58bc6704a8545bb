use session_runtime::Session;

#[derive(Session)]
#[session(idle = "2d")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
