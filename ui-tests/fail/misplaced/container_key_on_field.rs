use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(idle = "30m")]
    cart: Vec<u32>,
}

fn main() {}
