use session_runtime::Session;

#[derive(Session)]
#[session(transport = "header", path = "/", domain = "a.b", same_site = "lax", secure = true, http_only, partitioned, persistent)]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
