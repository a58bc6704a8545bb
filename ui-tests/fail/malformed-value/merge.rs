use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(merge = "maxx")]
    best: i64,
}

fn main() {}
