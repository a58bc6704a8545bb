use session_runtime::Session;

#[derive(Session)]
struct Shop(Vec<u32>);

fn handler(session: &Session<Shop>) -> Shop {
    session.snapshot()
}

fn main() {
    let _ = handler;
}
