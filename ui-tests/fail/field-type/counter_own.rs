use session_runtime::Session;

struct Item;

#[derive(Session)]
struct Shop {
    #[session(counter)]
    visits: Item,
}

fn main() {}
