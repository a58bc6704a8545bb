use session_runtime::Session;

struct Item;

#[derive(Session)]
struct Shop {
    #[session(skip)]
    cart: Option<Item>,
}

fn main() {}
