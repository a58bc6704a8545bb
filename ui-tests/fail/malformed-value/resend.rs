use session_runtime::Session;

#[derive(Session)]
#[session(resend = "allways")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
