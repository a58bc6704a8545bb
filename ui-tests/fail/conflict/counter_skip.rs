use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(counter, skip)]
    field: i64,
}

fn main() {}
