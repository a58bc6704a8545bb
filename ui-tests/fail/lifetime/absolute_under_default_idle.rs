use session_runtime::Session;

#[derive(Session)]
#[session(absolute = "10m")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
