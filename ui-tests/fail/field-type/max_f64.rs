use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(merge = "max")]
    best: f64,
}

fn main() {}
