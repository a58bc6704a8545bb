use session_runtime::Session;

#[derive(Session)]
struct Shop(Vec<u32>);

fn main() {}
