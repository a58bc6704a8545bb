use session_runtime::{Peek, Session};

#[derive(Session)]
struct Shop {
    cart: Vec<u32>,
}

async fn add(shop: Peek<Shop>) -> String {
    shop.cart.push(1);
    shop.cart.len().to_string()
}

fn main() {
    let _ = add;
}
