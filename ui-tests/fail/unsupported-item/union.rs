use session_runtime::Session;

#[derive(Session)]
union Shop {
    a: u8,
    b: i8,
}

fn main() {}
