use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(counter, default = 1)]
    field: i64,
}

fn main() {}
