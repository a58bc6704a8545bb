use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(principal, codec = session_runtime::codec::Json)]
    field: Option<u32>,
}

fn main() {}
