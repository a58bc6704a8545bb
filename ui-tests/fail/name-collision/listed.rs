use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(listed)]
    device: String,
    #[session(extract = "ShopListed")]
    user: Option<u64>,
}

fn main() {}
