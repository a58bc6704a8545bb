use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(skip, codec = session_runtime::codec::Json)]
    field: u32,
}

fn main() {}
