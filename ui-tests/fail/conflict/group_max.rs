use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(merge = "max", group = "g")]
    field: i64,
}

fn main() {}
