use session_runtime::Session;

struct Item;
impl Default for Item {
    fn default() -> Self {
        Self
    }
}

#[derive(Session)]
struct Shop {
    item: Item,
}

fn main() {}
