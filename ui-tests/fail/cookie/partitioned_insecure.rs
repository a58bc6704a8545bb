use session_runtime::Session;

#[derive(Session)]
#[session(partitioned, secure = false)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
