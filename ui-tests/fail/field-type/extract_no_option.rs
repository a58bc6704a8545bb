use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(extract = "Page")]
    page: u8,
}

fn main() {}
