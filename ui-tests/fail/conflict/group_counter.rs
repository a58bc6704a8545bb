use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(counter, group = "g")]
    field: i64,
}

fn main() {}
