use session_runtime::Session;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Item;

#[derive(Session)]
struct Shop {
    item: Item,
}

fn main() {}
