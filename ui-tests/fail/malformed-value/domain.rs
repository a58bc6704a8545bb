use session_runtime::Session;

#[derive(Session)]
#[session(domain = "exa mple.com")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
