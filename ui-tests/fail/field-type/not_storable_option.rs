use session_runtime::Session;

struct Item;

#[derive(Session)]
struct Shop {
    cart: Option<Item>,
}

fn main() {}
