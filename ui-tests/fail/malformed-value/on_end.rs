use session_runtime::Session;

#[derive(Session)]
#[session(on_end = "expire")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
