use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(clear_on_login = true)]
    lang: String,
}

fn main() {}
