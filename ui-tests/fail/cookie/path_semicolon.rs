use session_runtime::Session;

#[derive(Session)]
#[session(path = "/a;b")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
