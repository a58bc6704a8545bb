use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(listed, skip)]
    field: String,
}

fn main() {}
