use session_runtime::Session;

#[derive(Session)]
struct Shop {
    rotate: u8,
    clone: u8,
    is_live: bool,
    #[session(getter = "save")]
    saved: bool,
}

fn main() {}
