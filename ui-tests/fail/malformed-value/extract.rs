use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extract = CurrentUser)]
    user: Option<u64>,
}

fn main() {}
