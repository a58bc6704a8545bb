use session_runtime::Session;

#[derive(Session)]
struct Shop<'a> {
    name: &'a str,
}

fn main() {}
