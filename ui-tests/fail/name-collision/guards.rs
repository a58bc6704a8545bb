use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extract = "Guard")]
    a: Option<u8>,
    #[session(extract = "Guard")]
    b: Option<u8>,
    #[session(extract = "ShopFields")]
    c: Option<u8>,
}

fn main() {}
