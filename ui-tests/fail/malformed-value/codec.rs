use session_runtime::Session;

#[derive(Session)]
#[session(codec)]
struct Shop {
    #[session(codec = "Json")]
    cart: Vec<u32>,
    #[session(codec = 1 + 1)]
    page: u32,
    #[session(codec = (Json, Json))]
    theme: String,
}

fn main() {}
