use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(banana)]
    cart: Vec<u32>,
}

fn main() {}
