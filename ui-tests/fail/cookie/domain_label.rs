use session_runtime::Session;

#[derive(Session)]
#[session(domain = "a..b")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
