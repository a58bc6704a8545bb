use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(secret = "yes")]
    pin: String,
}

fn main() {}
