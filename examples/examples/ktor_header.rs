//! Ktor's `session-header-server`: the cart again, for clients that are no browsers. Its signed
//! name travels in the header `cart_session`, both ways, and the carts are files that outlive the
//! program.
//!
//! Start it with `cargo run -p examples --example ktor_header`, then
//!
//! ```sh
//! curl -i localhost:3000/login                       # Successful login; copy the header's value:
//! curl -i -H "cart_session: …" localhost:3000/cart   # Product IDs: [1, 3, 7]
//! curl -i -H "cart_session: …" localhost:3000/logout # Successful logout
//! curl -i -H "cart_session: …" localhost:3000/cart   # Your basket is empty.
//! ```

use std::process::ExitCode;

use axum::{Router, routing::get};
use examples::{DefaultStore, Startup};
use session_runtime::{Error, Session};

/// A client learns of its session once, from the answer to the log-in. The last two attributes keep
/// the header out of every later answer; without them, one that is empty says that the session is
/// over.
#[derive(Session)]
#[session(name = "cart_session", transport = "header", idle = "never", absolute = "7d")]
#[session(on_end = "silent", on_stale = "ignore")]
struct CartSession {
    #[session(principal)]
    user: Option<String>,
    products: Vec<u32>,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run_on(DefaultStore::Files, app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    let sessions = startup.build(startup.sessions::<CartSession>())?;

    Ok(Router::new()
        .route("/login", get(login))
        .route("/cart", get(cart))
        .route("/logout", get(logout))
        .layer(sessions))
}

async fn login(session: Session<CartSession>) -> &'static str {
    session.log_in("123abc".to_owned());
    session.set_products(vec![1, 3, 7]);
    "Successful login"
}

async fn cart(session: Option<Session<CartSession>>) -> String {
    match session {
        Some(session) => format!("Product IDs: {:?}", session.products()),
        None => "Your basket is empty.".to_owned(),
    }
}

async fn logout(session: Session<CartSession>) -> &'static str {
    session.log_out();
    "Successful logout"
}
