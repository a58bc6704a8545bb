use session_runtime::Session;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Plain;

#[derive(Session)]
struct List {
    items: Vec<Plain>,
}

#[derive(Session)]
struct Map {
    items: BTreeMap<String, Plain>,
}

#[derive(Session)]
struct Keys {
    items: HashMap<Plain, u8>,
}

#[derive(Session)]
struct Set {
    items: BTreeSet<Plain>,
}

#[derive(Session)]
struct Hashed {
    items: HashSet<Plain>,
}

fn main() {}
