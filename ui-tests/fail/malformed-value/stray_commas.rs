use session_runtime::Session;

#[derive(Session)]
#[session(, idle = "30m")]
struct Shop {
    #[session(copy,,)]
    page: u8,
    #[session(,)]
    shown: u8,
    #[session(copy,)]
    fine: u8,
}

fn main() {}
