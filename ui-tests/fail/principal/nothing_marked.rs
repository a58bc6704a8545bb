use session_runtime::Principal;

#[derive(Principal)]
struct User {
    id: u64,
    role: String,
}

#[derive(Principal)]
struct Nobody;

fn main() {}
