use session_runtime::Session;

#[derive(Session)]
struct Shop<T> {
    #[session(extract = "Page")]
    page: Option<T>,
}

fn main() {}
