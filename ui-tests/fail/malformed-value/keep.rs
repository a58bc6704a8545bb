use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(keep = 1)]
    lang: String,
}

fn main() {}
