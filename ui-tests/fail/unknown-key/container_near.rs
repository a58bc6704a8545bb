use session_runtime::Session;

#[derive(Session)]
#[session(idel = "30m")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
