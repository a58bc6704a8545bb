use session_runtime::Session;

#[derive(Session)]
struct Shop {
    info: u8,
    detach: u8,
    #[session(getter = "actor")]
    who: u8,
}

fn main() {}
