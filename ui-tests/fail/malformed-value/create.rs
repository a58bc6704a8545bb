use session_runtime::Session;

#[derive(Session)]
#[session(create = "always")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
