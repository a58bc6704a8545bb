use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(counter)]
    visits: u64,
}

fn main() {}
