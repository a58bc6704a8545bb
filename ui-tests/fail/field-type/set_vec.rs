use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(set)]
    tags: Vec<u32>,
}

fn main() {}
