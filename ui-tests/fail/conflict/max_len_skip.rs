use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(skip, max_len = 3)]
    field: Vec<u32>,
}

fn main() {}
