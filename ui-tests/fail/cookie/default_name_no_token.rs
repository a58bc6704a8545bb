use session_runtime::Session;

#[derive(Session)]
struct Ladenfläche {
    cart: Vec<u32>,
}

fn main() {}
