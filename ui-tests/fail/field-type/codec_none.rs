use session_runtime::Session;

struct NoCodec;

#[derive(Session)]
struct Shop {
    #[session(codec = NoCodec)]
    page: u32,
}

fn main() {}
