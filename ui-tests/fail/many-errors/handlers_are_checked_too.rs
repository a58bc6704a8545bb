use session_runtime::Session;

#[derive(Session)]
#[session(idel = "30m")]
struct Shop {
    #[session(principal, extract = "CurrentUser")]
    user: Option<u64>,
    cart: Vec<u32>,
    #[session(counter)]
    visits: i64,
    #[session(flash)]
    notice: Option<String>,
}

fn handler(session: &Session<Shop>, CurrentUser(user): CurrentUser) -> usize {
    session.log_in(user);
    session.add_visits(1);
    session.set_notice("hello".to_owned());
    session.update_cart(|cart| cart.push(1));
    session.set_cart("a mistake of the handler");
    session.cart().len()
}

fn main() {
    let _ = handler;
}
