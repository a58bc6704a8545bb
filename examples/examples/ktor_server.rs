//! Ktor's `session-cookie-server`: a shopping cart that stays on the server. The cookie holds a
//! signed name of it and nothing else, for seven days.
//!
//! Start it with `cargo run -p examples --example ktor_server`, then
//!
//! ```sh
//! curl -i  localhost:3000/cart                       # Your basket is empty.
//! curl -iL -c jar -b jar localhost:3000/login        # Product IDs: [1, 3, 7]
//! curl -iL -c jar -b jar localhost:3000/logout       # Your basket is empty.
//! ```
//!
//! The carts are in memory and end with the program. `STORE=embedded:carts`, or any other store's
//! URL, keeps them.

use std::process::ExitCode;

use axum::{Router, response::IntoResponse, routing::get};
use examples::{DefaultStore, Startup, found};
use session_runtime::{Error, Session, policy::Preset};

/// Seven days from the log-in, used or not; with an `idle` time it would be from the last use.
#[derive(Session)]
#[session(name = "cart_session", prefix = "none", idle = "never", absolute = "7d", persistent)]
struct CartSession {
    #[session(principal)]
    user: Option<String>,
    products: Vec<u32>,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run_on(DefaultStore::Memory, app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    let sessions = startup.build(startup.sessions::<CartSession>().preset(Preset::OnDemand))?;

    Ok(Router::new()
        .route("/login", get(login))
        .route("/cart", get(cart))
        .route("/logout", get(logout))
        .layer(sessions))
}

async fn login(session: Session<CartSession>) -> impl IntoResponse {
    session.log_in("123abc".to_owned());
    session.set_products(vec![1, 3, 7]);
    found("/cart")
}

async fn cart(session: Option<Session<CartSession>>) -> String {
    match session {
        Some(session) => format!("Product IDs: {:?}", session.products()),
        None => "Your basket is empty.".to_owned(),
    }
}

async fn logout(session: Session<CartSession>) -> impl IntoResponse {
    session.log_out();
    found("/cart")
}
