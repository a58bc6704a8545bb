use session_runtime::Session;

#[derive(Session)]
struct Shop {
    coupon: Option<Option<String>>,
    #[session(flash)]
    notice: Option<std::option::Option<u8>>,
    #[session(skip)]
    local: Option<Option<u8>>,
}

fn handler(session: Session<Shop>) {
    session.put_coupon(None::<Option<String>>);
}

fn main() {}
