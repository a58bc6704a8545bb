use session_runtime::Session;

#[derive(Session)]
#[session(on_store_error = 503)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
