use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(keep, clear_on_login)]
    field: u8,
}

fn main() {}
