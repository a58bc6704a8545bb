use session_runtime::Session;

#[derive(Session)]
#[session(on_stale = "clear")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
