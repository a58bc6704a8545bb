use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(secret, counter)]
    field: i64,
}

fn main() {}
