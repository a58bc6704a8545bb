use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(counter = 1)]
    visits: i64,
}

fn main() {}
