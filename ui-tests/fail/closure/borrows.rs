use session_runtime::Session;

#[derive(Session)]
struct Shop {
    cart: Vec<u32>,
}

fn add(session: &Session<Shop>, item: u32) {
    session.update_cart(|cart| cart.push(item));
}

fn main() {}
