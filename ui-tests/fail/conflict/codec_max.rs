use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(merge = "max", codec = session_runtime::codec::Json)]
    field: u32,
}

fn main() {}
