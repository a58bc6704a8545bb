use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(counter, codec = session_runtime::codec::Json)]
    field: i64,
}

fn main() {}
