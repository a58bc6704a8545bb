use session_runtime::Session;

#[derive(Session)]
struct Shop {
    größe: u8,
}

fn main() {}
