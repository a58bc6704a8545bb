use session_runtime::Session;

#[derive(Session)]
#[session(secure = "yes")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
