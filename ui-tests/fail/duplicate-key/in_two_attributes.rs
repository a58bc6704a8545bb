use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(copy)]
    #[session(copy)]
    page: u8,
}

fn main() {}
