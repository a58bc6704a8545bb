use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(skip, rename = "a", alias = "b", secret, keep, clear_on_login, group = "g", on_decode_error = "reject")]
    field: u8,
}

fn main() {}
