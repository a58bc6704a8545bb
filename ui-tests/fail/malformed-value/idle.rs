use session_runtime::Session;

#[derive(Session)]
#[session(idle = "30")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
