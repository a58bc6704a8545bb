use session_runtime::Principal;

#[derive(Principal)]
struct User {
    #[principal(key)]
    id: u64,
}

#[derive(Principal)]
#[principal(id = "number")]
struct Other {
    #[principal(id)]
    number: u64,
}

fn main() {}
