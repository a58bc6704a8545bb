use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(rename = "")]
    cart: Vec<u32>,
}

fn main() {}
