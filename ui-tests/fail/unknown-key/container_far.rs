use session_runtime::Session;

#[derive(Session)]
#[session(banana = "30m")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
