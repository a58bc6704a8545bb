mod shop {
    use session_runtime::{Principal, Session};

    #[derive(Principal, Clone, serde::Serialize, serde::Deserialize)]
    struct UserId(u32);

    #[derive(Session)]
    pub struct Shop {
        #[session(principal, extract = "CurrentUser")]
        user: Option<UserId>,
    }
}

fn main() {}
