use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(flash, group = "a")]
    field: Vec<u32>,
}

fn main() {}
