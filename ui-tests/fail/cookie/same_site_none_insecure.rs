use session_runtime::Session;

#[derive(Session)]
#[session(same_site = "none", secure = false)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
