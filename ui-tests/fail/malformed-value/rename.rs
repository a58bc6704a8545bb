use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(rename = b"basket")]
    page: u8,
}

fn main() {}
