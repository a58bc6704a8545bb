use session_runtime::Principal;

#[derive(Principal)]
struct User {
    #[principal(id)]
    tenant: u64,
    #[principal(id)]
    user: u64,
}

fn main() {}
