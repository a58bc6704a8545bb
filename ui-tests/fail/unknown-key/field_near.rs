use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(conter)]
    visits: i64,
}

fn main() {}
