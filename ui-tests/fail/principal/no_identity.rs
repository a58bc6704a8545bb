use session_runtime::Session;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct User {
    id: u64,
    role: String,
}

#[derive(Session)]
struct Shop {
    #[session(principal, extract = "CurrentUser")]
    user: Option<User>,
}

async fn enter(session: Session<Shop>) {
    session.log_in(User { id: 1, role: String::new() });
}

fn main() {
    let _ = enter;
}
