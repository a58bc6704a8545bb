use session_runtime::Session;

fn is_active(user: &String) -> bool {
    !user.is_empty()
}

#[derive(Session)]
struct Shop {
    #[session(principal, extract = "CurrentUser", validate = is_active)]
    user: Option<u64>,
}

fn main() {}
