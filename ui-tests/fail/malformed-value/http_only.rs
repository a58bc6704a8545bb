use session_runtime::Session;

#[derive(Session)]
#[session(http_only = 1)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
