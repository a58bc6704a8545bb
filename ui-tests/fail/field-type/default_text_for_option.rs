use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(default = "ten")]
    page: Option<String>,
}

fn main() {}
