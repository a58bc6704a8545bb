use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(flash = "once")]
    notice: Option<String>,
}

fn main() {}
