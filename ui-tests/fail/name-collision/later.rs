use session_runtime::Session;

#[derive(Session)]
struct Shop {
    info: u8,
    touch: u8,
    #[session(getter = "actor")]
    who: u8,
}

fn main() {}
