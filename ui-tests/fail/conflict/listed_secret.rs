use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(listed, secret)]
    field: String,
}

fn main() {}
