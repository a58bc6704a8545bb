use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(listed = 1)]
    device: String,
}

fn main() {}
