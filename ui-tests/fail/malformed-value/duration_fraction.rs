use session_runtime::Session;

#[derive(Session)]
#[session(idle = "1.5h")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
