use session_runtime::Session;

#[derive(Session)]
#[session(name = "my shop")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
