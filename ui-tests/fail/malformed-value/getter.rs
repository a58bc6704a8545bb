use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(getter = "has started")]
    started: bool,
}

fn main() {}
