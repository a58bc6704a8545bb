//! A small shop: products, a cart, log-in and log-out, flash messages, a visit counter, a theme,
//! "remember me" and the list of an account's log-ins. Start it with
//! `cargo run -p examples --example shop`, open <http://127.0.0.1:3000> and log in as `ada` with
//! `lovelace` or as `alan` with `turing`. The pages are in `examples/templates/shop`, and what
//! every example has in common (port, keys, TLS) is in `examples/src`.

use std::{
    collections::BTreeSet,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use askama::Template;
use axum::{
    Form, Router,
    extract::Path,
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use examples::Startup;
use serde::{Deserialize, Serialize};
use session_runtime::{Challenge, Error, Principal, Session, SessionId, SessionInfo, Sessions};

/// What the shop knows about a visitor. Each field becomes a few methods on `Session<Shop>`.
#[derive(Session)]
#[session(idle = "30m", absolute = "12h")]
struct Shop {
    /// Who is logged in. The only way to set it is `log_in`, which also changes the token;
    /// a handler that takes `CurrentUser` runs only with somebody logged in.
    #[session(principal, extract = "CurrentUser")]
    user: Option<UserId>,
    /// Every piece exists once, so the cart is a set: two tabs that add at the same moment both
    /// get what they wanted.
    cart: BTreeSet<u32>,
    /// Added up by the store: parallel requests all count.
    #[session(counter)]
    visits: i64,
    /// Shown on the next page, once.
    #[session(flash)]
    notice: Option<String>,
    /// Stays with the browser when its user logs out. `None` follows the system's setting.
    #[session(keep)]
    theme: Option<Theme>,
}

#[derive(Principal, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct UserId(u32);

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Theme {
    Light,
    Dark,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run(app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    // In an application of your own, this is
    // `SessionLayer::<Shop>::new(MemoryStore::default(), KeyRing::from_env("SESSION_KEYS")?)?`.
    let sessions =
        startup.build(startup.sessions::<Shop>().challenge(Challenge::redirect("/login")))?;
    Ok(routes().layer(sessions))
}

fn routes() -> Router {
    Router::new()
        .route("/", get(products))
        .route("/add/{id}", post(add))
        .route("/cart", get(cart))
        .route("/cart/remove/{id}", post(remove))
        .route("/login", get(login_form).post(login))
        .route("/logout", post(logout))
        .route("/orders", get(orders))
        .route("/devices", get(devices))
        .route("/devices/{id}/end", post(end_device))
        .route("/devices/end-others", post(end_other_devices))
        .route("/theme", post(set_theme))
}

// ---- The shop floor: everybody may come in. ----

async fn products(session: Session<Shop>) -> Response {
    session.add_visits(1);
    page(&ProductsPage { frame: Frame::new(&session), products: &PRODUCTS })
}

async fn add(session: Session<Shop>, Path(id): Path<u32>) -> Result<Redirect, StatusCode> {
    let product = Product::find(id).ok_or(StatusCode::NOT_FOUND)?;
    session.insert_cart(id);
    session.set_notice(format!("{} is in your cart.", product.name));
    Ok(Redirect::to("/cart"))
}

async fn cart(session: Session<Shop>) -> Response {
    let lines: Vec<_> = session.cart().iter().filter_map(|id| Product::find(*id)).collect();
    let total = lines.iter().map(|product| product.price).sum();
    page(&CartPage { frame: Frame::new(&session), lines, total })
}

async fn remove(session: Session<Shop>, Path(id): Path<u32>) -> Redirect {
    session.remove_cart(&id);
    Redirect::to("/cart")
}

async fn set_theme(session: Session<Shop>, Form(choice): Form<ThemeChoice>) -> Redirect {
    session.set_theme(choice.theme);
    Redirect::to("/")
}

#[derive(Deserialize)]
struct ThemeChoice {
    theme: Theme,
}

// ---- Log-in and log-out. ----

async fn login_form(session: Session<Shop>) -> Response {
    page(&LoginPage { frame: Frame::new(&session), username: "", failed: false })
}

async fn login(session: Session<Shop>, Form(form): Form<LoginForm>) -> Response {
    let Some(account) = Account::verify(&form.username, &form.password) else {
        let frame = Frame::new(&session);
        let form = page(&LoginPage { frame, username: &form.username, failed: true });
        return (StatusCode::UNAUTHORIZED, form).into_response();
    };
    // A new token, so that nobody who knew the old one is logged in now; the cart stays.
    session.log_in(account.id);
    if form.remember.is_some() {
        session.remember_for(Duration::from_secs(30 * 24 * 60 * 60));
    }
    session.set_notice(format!("Welcome, {}!", account.name));
    Redirect::to("/").into_response()
}

#[derive(Deserialize)]
struct LoginForm {
    username: String,
    password: String,
    /// A browser sends a checkbox only when it is ticked.
    remember: Option<String>,
}

async fn logout(session: Session<Shop>) -> Redirect {
    // The old token is dead from here on; only the theme goes on, in a fresh session.
    session.log_out();
    Redirect::to("/")
}

// ---- For customers: without `CurrentUser`, these handlers do not run. ----

async fn orders(CurrentUser(user): CurrentUser, session: Session<Shop>) -> Response {
    page(&OrdersPage { frame: Frame::new(&session), orders: user.orders() })
}

async fn devices(
    CurrentUser(user): CurrentUser,
    session: Session<Shop>,
    sessions: Sessions<Shop>,
) -> Result<Response, Error> {
    // Nobody has more than a hundred sessions; the first 64 are enough for this page.
    let mut devices = sessions.of(&user).list(None).await?.sessions;
    devices.sort_by_key(|device| !device.current);
    Ok(page(&DevicesPage { frame: Frame::new(&session), devices }))
}

async fn end_device(
    CurrentUser(user): CurrentUser,
    session: Session<Shop>,
    sessions: Sessions<Shop>,
    Path(id): Path<SessionId>,
) -> Result<Redirect, Error> {
    if id == session.session_id() {
        session.log_out();
        return Ok(Redirect::to("/"));
    }
    // Looks among this user's sessions only: the id of somebody else's session ends nothing.
    let ended = sessions.of(&user).end(&id).await?;
    let notice = if ended { "That device is logged out." } else { "It was gone already." };
    session.set_notice(notice.to_owned());
    Ok(Redirect::to("/devices"))
}

async fn end_other_devices(
    CurrentUser(user): CurrentUser,
    session: Session<Shop>,
    sessions: Sessions<Shop>,
) -> Result<Redirect, Error> {
    let ended = sessions.of(&user).end_others().await?.count;
    session.set_notice(format!("Other devices logged out: {ended}."));
    Ok(Redirect::to("/devices"))
}

// ---- What there is to buy, and who buys. ----

struct Product {
    id: u32,
    name: &'static str,
    about: &'static str,
    /// In whole euros.
    price: u32,
}

impl Product {
    fn find(id: u32) -> Option<&'static Self> {
        PRODUCTS.iter().find(|product| product.id == id)
    }
}

static PRODUCTS: [Product; 6] = [
    Product { id: 1, name: "Brass cogwheel", about: "From a difference engine.", price: 48 },
    Product { id: 2, name: "Punched card", about: "Jacquard loom, oak leaf & rose.", price: 12 },
    Product { id: 3, name: "Slide rule", about: "Pear wood, twenty inches.", price: 65 },
    Product { id: 4, name: "Rotor III", about: "Turns over at V.", price: 240 },
    Product { id: 5, name: "Paper tape", about: "One reel, not yet infinite.", price: 9 },
    Product { id: 6, name: "Tea mug", about: "Comes with a chain for the radiator.", price: 18 },
];

struct Account {
    id: UserId,
    username: &'static str,
    password: &'static str,
    name: &'static str,
    orders: &'static [Order],
}

struct Order {
    date: &'static str,
    what: &'static str,
    price: u32,
}

impl Account {
    /// A real shop asks its database for a salted hash of the password (Argon2id) and lets the
    /// hash's library verify it, also for unknown names so that both take equally long. Here the
    /// passwords stand in the source for all to read, and no timing could tell more.
    fn verify(username: &str, password: &str) -> Option<&'static Self> {
        ACCOUNTS.iter().find(|account| account.username == username && account.password == password)
    }
}

impl UserId {
    fn account(self) -> Option<&'static Account> {
        ACCOUNTS.iter().find(|account| account.id == self)
    }

    fn orders(self) -> &'static [Order] {
        self.account().map_or(&[], |account| account.orders)
    }
}

static ACCOUNTS: [Account; 2] = [
    Account {
        id: UserId(1),
        username: "ada",
        password: "lovelace",
        name: "Ada",
        orders: &[
            Order { date: "1842-10-20", what: "Notebook G", price: 7 },
            Order { date: "1843-07-10", what: "Table of Bernoulli numbers", price: 31 },
        ],
    },
    Account { id: UserId(2), username: "alan", password: "turing", name: "Alan", orders: &[] },
];

// ---- The pages. ----

/// What the frame around every page shows.
struct Frame {
    name: Option<&'static str>,
    theme: Option<Theme>,
    cart: usize,
    visits: i64,
    notice: Option<String>,
}

impl Frame {
    fn new(session: &Session<Shop>) -> Self {
        Self {
            name: session.user().and_then(|user| user.account()).map(|account| account.name),
            theme: session.theme().copied(),
            cart: session.cart().len(),
            visits: session.visits(),
            notice: session.take_notice(),
        }
    }
}

#[derive(Template)]
#[template(path = "shop/products.html")]
struct ProductsPage {
    frame: Frame,
    products: &'static [Product],
}

#[derive(Template)]
#[template(path = "shop/cart.html")]
struct CartPage {
    frame: Frame,
    lines: Vec<&'static Product>,
    total: u32,
}

#[derive(Template)]
#[template(path = "shop/login.html")]
struct LoginPage<'a> {
    frame: Frame,
    username: &'a str,
    failed: bool,
}

#[derive(Template)]
#[template(path = "shop/orders.html")]
struct OrdersPage {
    frame: Frame,
    orders: &'static [Order],
}

#[derive(Template)]
#[template(path = "shop/devices.html")]
struct DevicesPage {
    frame: Frame,
    devices: Vec<SessionInfo<Shop>>,
}

/// How long ago, as the list of devices prints it.
fn ago(time: &SystemTime) -> String {
    let minutes = time.elapsed().unwrap_or_default().as_secs() / 60;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        _ => format!("{} h ago", minutes / 60),
    }
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use session_runtime::{
        KeyRing, SessionLayer, assert_session,
        store::MemoryStore,
        testing::{self, Browser, TestSession as _},
    };

    use super::*;

    const ADA: UserId = UserId(1);

    #[tokio::test]
    async fn orders_are_those_of_the_user() {
        let session = testing::visitor::<Shop>().logged_in(ADA);
        let page = orders(CurrentUser(ADA), session.clone()).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_session!(session, notice == None, visits == 0);
    }

    #[tokio::test]
    async fn what_is_added_is_in_the_cart_and_is_said() {
        let session = testing::visitor::<Shop>();
        let _ = add(session.clone(), Path(3)).await.expect("there is such a product");
        assert_session!(session, notice.as_deref() == Some("Slide rule is in your cart."));
        assert_eq!(session.cart(), &BTreeSet::from([3]));
        assert_eq!(add(session, Path(99)).await.err(), Some(StatusCode::NOT_FOUND));
    }

    #[tokio::test]
    async fn a_log_in_keeps_the_cart_and_a_log_out_the_theme() {
        let keys = KeyRing::ephemeral().expect("random bytes");
        let sessions = SessionLayer::<Shop>::builder(keys)
            .store(MemoryStore::default())
            .challenge(Challenge::redirect("/login"))
            .build()
            .expect("a sound configuration");
        let app = routes().layer(sessions);
        let (ada, alan) = (Browser::new(app.clone()), Browser::new(app));
        ada.post("/add/4").await;
        ada.post_form("/theme", &[("theme", "dark")]).await;
        ada.post_form("/login", &[("username", "ada"), ("password", "lovelace")]).await;
        assert!(ada.get("/cart").await.text().contains("Rotor III"));
        assert!(ada.get("/orders").await.text().contains("Notebook G"));
        assert_eq!(alan.get("/orders").await.header("location"), Some("/login"));

        ada.post("/logout").await;
        assert_eq!(ada.get("/orders").await.header("location"), Some("/login"));
        let cart = ada.get("/cart").await.text();
        assert!(!cart.contains("Rotor III") && cart.contains("dark"), "{cart}");
    }
}
