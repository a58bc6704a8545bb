use session_runtime::Session;

#[derive(Session)]
struct Shop {
    set_x: u8,
    x: u8,
}

fn main() {}
