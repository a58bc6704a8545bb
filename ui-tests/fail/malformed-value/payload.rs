use session_runtime::Session;

#[derive(Session)]
#[session(payload = "seeled")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
