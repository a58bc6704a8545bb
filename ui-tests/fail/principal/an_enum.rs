use session_runtime::Principal;

#[derive(Principal)]
enum Somebody {
    User(u64),
    Service(String),
}

fn main() {}
