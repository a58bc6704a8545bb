use session_runtime::Session;

use std::collections::BTreeSet;

#[derive(Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
struct Role;

#[derive(Session)]
struct Shop {
    roles: BTreeSet<Role>,
}

fn main() {}
