use session_runtime::Session;

#[derive(Session)]
#[session(idle = "30m", idle = "1h")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
