use session_runtime::Principal;

#[derive(Principal, serde::Serialize)]
struct Weight(f64);

#[derive(Principal)]
struct User {
    #[principal(id)]
    weight: f64,
}

fn main() {}
