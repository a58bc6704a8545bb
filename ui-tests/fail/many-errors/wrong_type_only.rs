use session_runtime::Session;

struct Item;

#[derive(Session)]
struct Shop {
    cart: Vec<Item>,
    #[session(extract = "Page")]
    page: Option<Item>,
}

fn handler(session: &Session<Shop>) -> usize {
    session.update_cart(|cart| cart.clear());
    session.set_page(Item);
    session.cart().len()
}

fn main() {
    let _ = handler;
}
