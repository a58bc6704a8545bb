use session_runtime::Session;

#[derive(Session)]
#[session(crate = session_runtime)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
