use session_runtime::Session;

#[derive(Session)]
#[session(persistent = )]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
