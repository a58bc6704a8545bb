use session_runtime::Session;

#[derive(Session)]
#[session(on_lost = "error")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
