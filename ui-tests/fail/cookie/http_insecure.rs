use session_runtime::Session;

#[derive(Session)]
#[session(name = "__Http-shop", secure = false, domain = "example.com")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
