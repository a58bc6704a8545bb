use session_runtime::Session;

#[derive(Session)]
struct Shop {
    csrf_token: u8,
    detach: u8,
    #[session(getter = "actor")]
    who: u8,
}

fn main() {}
