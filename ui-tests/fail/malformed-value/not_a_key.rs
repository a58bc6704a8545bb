use session_runtime::Session;

#[derive(Session)]
#[session("idle")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
