//! Sessions outside of requests: a warehouse that runs beside the shop tells users that their
//! orders are on the way, on every device, without keeping anybody logged in; and an office that
//! makes a user a trusted customer, from the next request on.
//!
//! Start it with `cargo run -p examples --example jobs`, then try
//!
//! ```sh
//! curl -b jar -c jar -X POST localhost:3000/log-in/7 -A 'a telephone'
//! curl -X POST localhost:3000/warehouse/7/shipped/1001
//! curl -X POST localhost:3000/office/7/trust
//! curl -b jar -c jar localhost:3000
//! curl localhost:3000/office/7
//! ```

use std::process::ExitCode;

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::USER_AGENT},
    routing::{get, post},
};
use examples::Startup;
use serde::{Deserialize, Serialize};
use session_runtime::{Error, Principal, Session, SessionInfo, Sessions};

#[derive(Session)]
struct Shop {
    #[session(principal, extract = "CurrentUser")]
    user: Option<User>,
    /// Shown once, on each device.
    #[session(flash)]
    news: Vec<String>,
    /// Lists of a user's sessions show it.
    #[session(listed)]
    device: String,
}

#[derive(Principal, Clone, Serialize, Deserialize)]
struct User {
    #[principal(id)]
    id: u32,
    is_trusted: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run(app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    let layer = startup.build(startup.sessions::<Shop>())?;
    // No client's session is behind these, so they are outside of the layer.
    let staff = Router::new()
        .route("/warehouse/{user}/shipped/{order}", post(shipped))
        .route("/office/{user}", get(devices))
        .route("/office/{user}/trust", post(trust))
        .with_state(layer.sessions());
    let shop = Router::new().route("/", get(home)).route("/log-in/{user}", post(log_in));
    Ok(shop.layer(layer).merge(staff))
}

/// A real application puts the job into a queue.
async fn shipped(
    State(sessions): State<Sessions<Shop>>,
    Path((user, order)): Path<(u32, u32)>,
) -> StatusCode {
    tokio::spawn(tell(sessions, user, order));
    StatusCode::ACCEPTED
}

async fn tell(sessions: Sessions<Shop>, user: u32, order: u32) {
    let news = format!("Order {order} is on its way.");
    let told = sessions.of(&user).change(|shop| shop.push_news(news.clone())).await;
    if let Err(error) = told {
        eprintln!("order {order} was shipped, which user {user} is not told: {error}");
    }
}

/// What the user may do changes at once, not with the next log-in.
async fn trust(
    State(sessions): State<Sessions<Shop>>,
    Path(user): Path<u32>,
) -> Result<String, Error> {
    let trusted = |shop: &ShopFields| shop.update_user(|user| user.is_trusted = true);
    Ok(format!("trusted on {} devices", sessions.of(&user).change(trusted).await?))
}

async fn devices(
    State(sessions): State<Sessions<Shop>>,
    Path(user): Path<u32>,
) -> Result<String, Error> {
    let page = sessions.of(&user).list(None).await?;
    let line = |it: SessionInfo<Shop>| format!("{} {}\n", it.id, it.listed.device);
    Ok(page.sessions.into_iter().map(line).collect())
}

async fn home(CurrentUser(user): CurrentUser, session: Session<Shop>) -> String {
    let trust = if user.is_trusted { "trusted" } else { "new" };
    format!("{trust} customer {}; news: {:?}\n", user.id, session.take_news())
}

async fn log_in(session: Session<Shop>, Path(id): Path<u32>, headers: HeaderMap) {
    let device = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    session.set_device(device.unwrap_or("something unnamed").to_owned());
    // A real application asks for a password.
    session.log_in(User { id, is_trusted: false });
}
