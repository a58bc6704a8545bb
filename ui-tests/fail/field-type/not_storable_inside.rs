use session_runtime::Session;

struct Item;

#[derive(Session)]
struct Shop {
    cart: Vec<Item>,
}

fn main() {}
