use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extract = "Current User")]
    user: Option<u64>,
}

fn main() {}
