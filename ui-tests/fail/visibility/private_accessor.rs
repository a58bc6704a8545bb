mod shop {
    use session_runtime::Session;

    #[derive(Session)]
    pub struct Shop {
        cart: Vec<u32>,
        pub page: u8,
    }
}

fn handler(session: &session_runtime::Session<shop::Shop>) {
    session.set_page(1);
    session.cart();
    session.set_cart(Vec::new());
}

fn main() {
    let _ = handler;
}
