use session_runtime::Session;

#[derive(Session)]
#[session(same_site = "Lax")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
