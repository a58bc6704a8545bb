use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(flash, extract = "Notice")]
    field: Option<u64>,
}

fn main() {}
