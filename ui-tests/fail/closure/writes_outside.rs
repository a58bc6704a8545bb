use session_runtime::Session;

#[derive(Session)]
struct Shop {
    cart: Vec<u32>,
}

fn count(session: &Session<Shop>) -> usize {
    let mut found = 0;
    session.update_cart(|cart| found = cart.len());
    found
}

fn main() {}
