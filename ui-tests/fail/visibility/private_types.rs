mod shop {
    use session_runtime::Session;

    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    struct UserId;

    #[derive(Session)]
    pub struct Shop {
        #[session(principal, extract = "CurrentUser")]
        user: Option<UserId>,
    }
}

fn main() {}
