use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(copy)]
    name: String,
}

fn main() {}
