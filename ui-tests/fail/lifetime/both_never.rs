use session_runtime::Session;

#[derive(Session)]
#[session(idle = "never", absolute = "never")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
