use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(flash, default = "a")]
    field: Option<String>,
}

fn main() {}
