use session_runtime::Session;

#[derive(Session)]
#[session(absolute = "12x")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
