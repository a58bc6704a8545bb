use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(rename = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    cart: Vec<u32>,
}

fn main() {}
