use session_runtime::Session;

#[derive(Session)]
#[session(payload = "sealed")]
struct Shop {
    #[session(counter)]
    visits: i64,
    #[session(counter)]
    stock: std::collections::BTreeMap<u32, u32>,
    #[session(merge = "max")]
    best: i64,
    #[session(merge = "once")]
    origin: Option<String>,
    #[session(merge = "cas")]
    balance: i64,
    #[session(group = "checkout")]
    step: u8,
    #[session(listed)]
    device: String,
}

fn main() {}
