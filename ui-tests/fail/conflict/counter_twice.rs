use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(counter, merge = "counter")]
    field: i64,
}

fn main() {}
