use session_runtime::Session;

fn is_active(user: &String) -> bool {
    !user.is_empty()
}

#[derive(Session)]
struct Shop {
    #[session(principal, extract = "CurrentUser", validate = |user| is_active(user))]
    user: Option<u64>,
}

fn main() {}
