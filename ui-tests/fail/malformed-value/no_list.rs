use session_runtime::Session;

#[derive(Session)]
#[session]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
