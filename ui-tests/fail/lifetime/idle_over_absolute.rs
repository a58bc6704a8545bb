use session_runtime::Session;

#[derive(Session)]
#[session(idle = "2d", absolute = "1d")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
