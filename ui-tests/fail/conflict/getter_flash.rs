use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(flash, getter = "message")]
    field: Option<String>,
}

fn main() {}
