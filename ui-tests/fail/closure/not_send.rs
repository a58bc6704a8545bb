use session_runtime::Session;

#[derive(Session)]
struct Shop {
    cart: Vec<u32>,
}

fn add(session: &Session<Shop>) {
    let item = std::rc::Rc::new(1);
    session.update_cart(move |cart| cart.push(*item));
}

fn main() {}
