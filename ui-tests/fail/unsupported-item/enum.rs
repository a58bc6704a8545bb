use session_runtime::Session;

#[derive(Session)]
enum Shop {
    Open,
    Closed,
}

fn main() {}
