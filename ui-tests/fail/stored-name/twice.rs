use session_runtime::Session;

#[derive(Session)]
struct Shop {
    cart: u8,
    #[session(rename = "cart")]
    basket: u8,
    #[session(alias = "cart")]
    old: u8,
    #[session(alias = "same")]
    same: u8,
}

fn main() {}
