use session_runtime::Session;

#[derive(Session)]
#[session(absolute = "9000w")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
