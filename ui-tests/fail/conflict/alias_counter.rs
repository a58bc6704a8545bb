use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(counter, alias = "a")]
    field: i64,
}

fn main() {}
