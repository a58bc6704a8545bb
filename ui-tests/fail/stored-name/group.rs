use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(group = "a b")]
    cart: Vec<u32>,
}

fn main() {}
