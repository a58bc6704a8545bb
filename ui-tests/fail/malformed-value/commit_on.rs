use session_runtime::Session;

#[derive(Session)]
#[session(commit_on = "not_500")]
struct Shop {
    cart: Vec<u32>,
}

fn main() {}
