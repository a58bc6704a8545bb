use session_runtime::Session;

use std::collections::BTreeMap;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Item(u32);

#[derive(Session)]
struct Shop {
    items: BTreeMap<u32, Item>,
}

fn change(session: &Session<Shop>) {
    session.insert_items(1, Item(1));
    session.update_items_at(1, |item| item.0 += 1);
}

fn main() {}
