use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(counter, set)]
    field: i64,
}

fn main() {}
