use session_runtime::Session;

#[derive(Session)]
struct Shop {
    cart: Vec<u32>,
}

fn last(session: &Session<Shop>) -> Option<u32> {
    session.update_cart(|cart| cart.pop())
}

fn main() {}
