use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(merge = "max", secret)]
    field: i64,
}

fn main() {}
