//! The expansion allows no lint that it need not, so that a crate may forbid it.

#![forbid(unsafe_code, missing_docs, deprecated, non_snake_case, non_camel_case_types)]
#![forbid(unused_variables, unused_mut, unused_imports, unreachable_code, unused_must_use)]
#![forbid(missing_debug_implementations, unreachable_pub, unused_qualifications)]

use session_runtime::Session;

/// A shop.
#[derive(Session, Debug)]
pub struct Shop {
    /// Who is there.
    #[session(principal)]
    pub user: Option<u64>,
    /// The page.
    #[session(copy)]
    pub page: u32,
    /// Counted.
    #[session(counter)]
    pub visits: i64,
}

fn main() {
    let _ = |session: &Session<Shop>| session.set_page(session.page() + 1);
}
