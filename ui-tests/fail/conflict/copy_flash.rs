use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(flash, copy)]
    field: Option<u8>,
}

fn main() {}
