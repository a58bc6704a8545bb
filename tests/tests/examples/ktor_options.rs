//! What Ktor's options and its own tests are about, beyond its examples: several sessions in one
//! program, sessions of some routes only, cookie attributes, writes that change nothing, ends by
//! id. Each test makes a small program with the option; expiry is by an injected clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::Path,
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::get,
};
use session_runtime::{
    Error, KeyRing, Session, SessionId, SessionLayer, SessionLayerBuilder, SessionType, Sessions,
    clock::ManualClock, policy::OnMaxSessions, store::MemoryStore,
};
use tests::{Client, Server, spy};

use crate::ktor::Cookie;

#[derive(Session)]
#[session(name = "cart", prefix = "none", idle = "7d", absolute = "90d", persistent)]
struct Cart {
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
    products: Vec<u32>,
}

#[derive(Session)]
#[session(
    name = "theme",
    prefix = "none",
    payload = "sealed",
    idle = "7d",
    absolute = "90d",
    persistent
)]
struct Theme {
    colour: Option<String>,
}

fn keys() -> KeyRing {
    KeyRing::ephemeral().expect("random bytes")
}

fn layer<T: SessionType>(builder: SessionLayerBuilder<T>) -> SessionLayer<T> {
    builder.insecure_dev().build().expect("a sound configuration")
}

fn carts() -> Router {
    Router::new()
        .route(
            "/login/{user}",
            get(async |s: Session<Cart>, Path(user): Path<String>| s.log_in(user)),
        )
        .route("/logout", get(async |s: Session<Cart>| s.log_out()))
        .route(
            "/add/{id}",
            get(async |s: Session<Cart>, Path(id): Path<u32>| {
                s.push_products(id);
            }),
        )
        .route("/cart", get(async |s: Session<Cart>| format!("{:?}{:?}", s.user(), s.products())))
        .route("/id", get(async |s: Session<Cart>| s.session_id().to_string()))
        .route("/rotate", get(async |s: Session<Cart>| s.rotate()))
        .route(
            "/there-and-back",
            get(async |s: Session<Cart>| {
                s.set_products(vec![1]);
                s.destroy();
            }),
        )
        .route("/mine", get(async |CurrentUser(user): CurrentUser| user))
        .route("/public", get(async || "public"))
        .route("/end/{user}/{id}", get(end))
}

async fn end(
    sessions: Sessions<Cart>,
    Path((user, id)): Path<(String, SessionId)>,
) -> Result<String, Error> {
    Ok(sessions.of(&user).end(&id).await?.to_string())
}

fn themes() -> Router {
    Router::new()
        .route("/dark", get(async |s: Session<Theme>| s.set_colour("dark".to_owned())))
        .route(
            "/same",
            get(async |s: Session<Theme>| {
                s.update_colour(|colour| *colour = colour.take());
                s.put_colour(s.colour().cloned());
            }),
        )
        .route(
            "/longer",
            get(async |s: Session<Theme>| {
                s.update_colour(|colour| colour.get_or_insert_default().push('!'));
            }),
        )
        .route("/theme", get(async |s: Session<Theme>| format!("{:?}", s.colour())))
}

fn sealed(keys: KeyRing) -> SessionLayerBuilder<Theme> {
    SessionLayer::<Theme>::builder(keys).accept_replay_until_expiry()
}

fn stored(keys: KeyRing) -> SessionLayerBuilder<Cart> {
    SessionLayer::<Cart>::builder(keys).store(MemoryStore::default())
}

async fn serve(carts_in: SessionLayerBuilder<Cart>) -> Server {
    Server::start(carts().layer(layer(carts_in))).await
}

// ---- Several sessions, and sessions of some routes only. ----

#[tokio::test]
async fn two_sessions_side_by_side_one_in_its_cookie_one_behind_a_header() {
    #[derive(Session)]
    #[session(name = "cart_session", transport = "header")]
    struct Basket {
        products: Vec<u32>,
    }

    let keys = keys();
    let baskets = SessionLayer::<Basket>::builder(keys.clone()).store(MemoryStore::default());
    let both = async |theme: Session<Theme>, basket: Session<Basket>| {
        theme.set_colour("dark".to_owned());
        basket.push_products(7);
        format!("{:?} {:?}", theme.colour(), basket.products())
    };
    let one = async |basket: Session<Basket>| basket.push_products(9);
    let routes = themes().route("/both", get(both)).route("/one", get(one));
    let server = Server::start(routes.layer(layer(sealed(keys))).layer(layer(baskets))).await;

    let client = Client::new(&server);
    let reply = client.get("/both").await;
    assert_eq!(reply.body, "Some(\"dark\") [7]");
    assert_eq!(Cookie::only(&reply.set_cookies()).name, "theme");
    let token = reply.header("cart_session").expect("a new session says its name").to_owned();
    let varies: Vec<_> = reply.headers.get_all("vary").iter().collect();
    assert!(varies.contains(&&"Cookie".parse().expect("a value")), "{varies:?}");
    assert!(varies.contains(&&"cart_session".parse().expect("a value")), "{varies:?}");

    let reply = client.send(Method::GET, "/one", &[("cart_session", &token)]).await;
    assert!(reply.set_cookies().is_empty(), "the other session was not touched");
    let reply = client.send(Method::GET, "/both", &[("cart_session", &token)]).await;
    assert_eq!(reply.body, "Some(\"dark\") [7, 9, 7]");
    assert_eq!(client.get("/theme").await.body, "Some(\"dark\")");
    assert_eq!(client.blank().get("/theme").await.body, "None");
}

/// Ktor's MAC covers neither name nor type: with one key, one session's token opens another.
#[tokio::test]
async fn a_token_of_one_session_is_nothing_to_another() {
    #[derive(Session)]
    #[session(name = "colours", prefix = "none", payload = "sealed")]
    struct Colours {
        colour: Option<String>,
    }

    let keys = keys();
    let colours = SessionLayer::<Colours>::builder(keys.clone()).accept_replay_until_expiry();
    let look = async |s: Session<Colours>| format!("{:?}", s.colour());
    let routes = themes().route("/colours", get(look));
    let server = Server::start(routes.layer(layer(sealed(keys))).layer(layer(colours))).await;
    let client = Client::new(&server);
    client.get("/dark").await;
    client.set_cookie("colours", &client.cookie("theme").expect("it was set"));
    assert_eq!(client.get("/theme").await.body, "Some(\"dark\")");
    assert_eq!(client.get("/colours").await.body, "None");
}

#[tokio::test]
async fn a_layer_gives_its_own_routes_sessions_and_no_others() {
    let keys = keys();
    let store = spy(MemoryStore::default());
    let admins = carts().layer(layer(stored(keys.clone()).store(store.clone())));
    let others = themes().layer(layer(sealed(keys)));
    let outside = get(async |s: Session<Cart>| format!("{:?}", s.user()));
    let routes = Router::new().nest("/shop", admins).nest("/look", others);
    let server = Server::start(routes.route("/outside", outside)).await;
    let client = Client::new(&server);
    client.get("/shop/add/7").await;
    store.take_calls();
    assert_eq!(client.get("/look/theme").await.body, "None");
    assert_eq!(store.take_calls(), [""; 0]);
    assert_eq!(client.get("/shop/cart").await.body, "None[7]");
    // Ktor's `MissingApplicationPluginException`.
    assert_eq!(client.get("/outside").await.status, 500);
}

#[test]
fn one_name_for_two_types_is_an_error_at_start_unless_something_tells_them_apart() {
    #[derive(Session)]
    #[session(name = "cart", prefix = "none")]
    struct Other {
        _products: Vec<u32>,
    }
    #[derive(Session)]
    #[session(name = "cart", transport = "header")]
    struct InHeader {
        _products: Vec<u32>,
    }
    fn build<T: SessionType>(keys: &KeyRing, audience: &str) -> Result<(), Error> {
        let builder = SessionLayer::<T>::builder(keys.clone()).store(MemoryStore::default());
        builder.audience(audience).insecure_dev().build().map(drop)
    }

    let (one, two) = (keys(), keys());
    build::<Cart>(&one, "").expect("the first of its name");
    build::<Cart>(&one, "").expect("on another router: the same type, so the same sessions");
    // Deviation: Ktor lets two routes have one cookie name with two types. In a browser, one
    // would overwrite the other's cookie, and under one key they would take each other's tokens.
    let error = build::<Other>(&one, "").expect_err("the name is taken");
    assert!(error.is_config(), "{error}");
    let text = error.to_string();
    assert!(text.contains("`cart`") && text.contains("Cart") && text.contains("Other"), "{text}");
    build::<Other>(&one, "back-office").expect("another audience");
    build::<Other>(&two, "").expect("another key");
    build::<InHeader>(&one, "").expect("another transport");
}

// ---- The cookie. ----

#[tokio::test]
async fn the_clearing_cookie_has_every_attribute_of_the_one_it_clears() {
    #[derive(Session)]
    #[session(
        name = "cart",
        prefix = "none",
        path = "/shop",
        domain = "shop.example",
        same_site = "strict"
    )]
    #[session(persistent, idle = "5s")]
    struct Dressed {
        #[session(principal)]
        user: Option<String>,
    }

    let builder = SessionLayer::<Dressed>::builder(keys()).store(MemoryStore::default());
    let layer = builder.cookie_attribute("Priority=High").build().expect("a sound configuration");
    let routes = Router::new()
        .route("/in", get(async |s: Session<Dressed>| s.log_in("ada".to_owned())))
        .route("/out", get(async |s: Session<Dressed>| s.log_out()));
    let server = Server::start(routes.layer(layer)).await;
    let client = Client::new(&server);
    let set = Cookie::only(&client.get("/in").await.set_cookies());
    let attributes = [
        "domain=shop.example",
        "httponly",
        "path=/shop",
        "priority=high",
        "samesite=strict",
        "secure",
    ];
    assert_eq!(set.others, attributes);
    assert!(set.lasts(5), "{set:?}");
    let cleared = Cookie::only(&client.get("/out").await.set_cookies());
    assert!(cleared.clears("cart", &attributes), "{cleared:?}");
}

#[tokio::test]
async fn a_cookie_of_the_browsers_run_says_no_age_and_a_century_is_four_hundred_days() {
    #[derive(Session)]
    #[session(name = "short", prefix = "none")]
    struct Short {
        seen: bool,
    }
    #[derive(Session)]
    #[session(name = "long", prefix = "none", idle = "never", absolute = "36500d", persistent)]
    struct Long {
        seen: bool,
    }

    let keys = keys();
    let short = SessionLayer::<Short>::builder(keys.clone()).store(MemoryStore::default());
    let long = SessionLayer::<Long>::builder(keys).store(MemoryStore::default());
    let routes = Router::new()
        .route("/short", get(async |s: Session<Short>| s.set_seen(true)))
        .route("/long", get(async |s: Session<Long>| s.set_seen(true)));
    let server = Server::start(routes.layer(layer(short)).layer(layer(long))).await;
    let client = Client::new(&server);
    let short = Cookie::only(&client.get("/short").await.set_cookies());
    assert_eq!(short.max_age, None);
    assert_eq!(short.others, ["httponly", "path=/", "samesite=lax"], "no `Expires` either");
    // Deviation: Ktor clamps to 2147483647; browsers keep no cookie for longer than this anyway.
    let long = Cookie::only(&client.get("/long").await.set_cookies());
    assert_eq!(long.max_age, Some(400 * 24 * 60 * 60));
}

#[tokio::test]
async fn a_session_on_the_server_slides_with_use_and_its_cookie_with_it() {
    let clock = Arc::new(ManualClock::default());
    let server = serve(stored(keys()).clock(Arc::clone(&clock))).await;
    let client = Client::new(&server);
    let [nearly, week] = [604_799, 604_800].map(Duration::from_secs);
    client.get("/add/7").await;
    for _ in 0..3 {
        clock.advance(nearly);
        let reply = client.get("/cart").await;
        assert_eq!(reply.body, "None[7]");
        assert!(Cookie::only(&reply.set_cookies()).lasts(604_800), "{reply:?}");
        // Complaint: a `Set-Cookie` in every answer. Here at most one a minute.
        assert!(client.get("/cart").await.set_cookies().is_empty());
    }
    clock.advance(week);
    // Deviation: Ktor's stores never end a session; whoever keeps the cookie keeps the session.
    assert_eq!(client.get("/cart").await.body, "None[]");
}

// ---- What a request writes. ----

#[tokio::test]
async fn a_session_made_and_ended_in_one_request_leaves_nothing() {
    let store = spy(MemoryStore::default());
    let server = serve(stored(keys()).store(store.clone())).await;
    let reply = Client::new(&server).get("/there-and-back").await;
    assert_eq!(reply.status, 200);
    assert!(reply.set_cookies().is_empty(), "{reply:?}");
    assert_eq!(store.take_calls(), [""; 0]);
}

/// Ktor's `sendOnlyIfModified`, and what it must not miss: a change in place.
#[tokio::test]
async fn writing_what_is_there_sends_nothing_and_a_change_in_place_does() {
    let server = Server::start(themes().layer(layer(sealed(keys())))).await;
    let client = Client::new(&server);
    assert_eq!(client.get("/dark").await.set_cookies().len(), 1);
    for path in ["/dark", "/same", "/theme"] {
        assert!(client.get(path).await.set_cookies().is_empty(), "{path}");
    }
    assert_eq!(client.get("/longer").await.set_cookies().len(), 1);
    assert_eq!(client.get("/theme").await.body, "Some(\"dark!\")");
}

#[tokio::test]
async fn a_write_keeps_the_id_of_a_live_session_and_never_takes_over_another() {
    let keys = keys();
    let server = serve(stored(keys.clone())).await;
    let client = Client::new(&server);
    client.get("/add/1").await;
    let (token, id) = (client.cookie("cart"), client.get("/id").await.body);
    client.get("/add/2").await;
    assert_eq!((client.cookie("cart"), client.get("/id").await.body), (token.clone(), id.clone()));

    // Signed with the same key, and in no store of this server's.
    let elsewhere = serve(stored(keys)).await;
    let foreign = Client::new(&elsewhere);
    foreign.get("/add/1").await;
    let unknown = foreign.cookie("cart").expect("it was set");
    client.set_cookie("cart", &unknown);
    let cookie = Cookie::only(&client.get("/add/3").await.set_cookies());
    assert!(cookie.value != unknown && Some(&cookie.value) != token.as_ref(), "{cookie:?}");
    assert_ne!(client.get("/id").await.body, id);
    assert_eq!(client.get("/cart").await.body, "None[3]");
}

/// Complaint: there is no way to give a session a new id.
#[tokio::test]
async fn a_log_in_and_a_rotation_change_the_token_and_keep_the_data() {
    let server = serve(stored(keys())).await;
    let client = Client::new(&server);
    client.get("/add/7").await;
    for path in ["/login/ada", "/rotate"] {
        let before = client.fork();
        assert_eq!(client.get(path).await.set_cookies().len(), 1, "{path}");
        assert_ne!(client.cookie("cart"), before.cookie("cart"), "{path}");
        assert_eq!(client.get("/cart").await.body, "Some(\"ada\")[7]", "{path}");
        assert_eq!(before.get("/cart").await.body, "None[]", "{path}: the old token is dead");
    }
}

/// Ktor's `identity`, which sees the request.
#[tokio::test]
async fn ids_of_ones_own_are_used_and_guess_no_session() {
    let next = AtomicU64::new(1);
    let ids = move |request: &Parts| {
        let mut id = u128::from(next.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
        id[0] = u8::from(request.headers.contains_key("x-native"));
        id
    };
    let server = serve(stored(keys()).session_ids(ids)).await;
    let (one, two) = (Client::new(&server), Client::new(&server));
    one.get("/add/1").await;
    two.send(Method::GET, "/add/2", &[("x-native", "yes")]).await;
    let ids = [one.get("/id").await.body, two.get("/id").await.body];
    assert_eq!(ids, [format!("{:032x}", 1), format!("01{:030x}", 2)]);
    // The id is the public half of the token: whoever guesses it is not in.
    let forged = Client::new(&server);
    forged.set_cookie("cart", &ids[0]);
    assert_eq!(forged.get("/cart").await.body, "None[]");
}

// ---- Other devices, and routes without a session. ----

#[tokio::test]
async fn a_session_ends_by_its_id_and_no_other_one_does() {
    let server = serve(stored(keys())).await;
    let [here, there, alan] = [(); 3].map(|()| Client::new(&server));
    for (client, user) in [(&here, "ada"), (&there, "ada"), (&alan, "alan")] {
        client.get(&format!("/login/{user}")).await;
    }
    let (id, alans) = (there.get("/id").await.body, alan.get("/id").await.body);
    assert_eq!(here.get(&format!("/end/ada/{id}")).await.body, "true");
    assert_eq!(there.get("/mine").await.status, 401);
    assert_eq!(here.get("/mine").await.body, "ada");
    assert_eq!(here.get(&format!("/end/ada/{id}")).await.body, "false", "it has ended already");
    // Deviation: ids are public here, so one of somebody else's ends nothing.
    assert_eq!(here.get(&format!("/end/ada/{alans}")).await.body, "false");
    assert_eq!(alan.get("/mine").await.body, "alan");
}

#[tokio::test]
async fn the_second_device_takes_the_place_of_the_first() {
    let server = serve(stored(keys()).max_sessions(1, OnMaxSessions::EndOldest)).await;
    let (first, second) = (Client::new(&server), Client::new(&server));
    first.get("/login/ada").await;
    assert_eq!(first.get("/mine").await.body, "ada");
    second.get("/login/ada").await;
    assert_eq!(first.get("/mine").await.status, 401);
    assert_eq!(second.get("/mine").await.body, "ada");
}

/// What Ktor needs a system property for (`deferred`).
#[tokio::test]
async fn a_route_that_does_not_ask_for_the_session_never_reads_it() {
    let store = spy(MemoryStore::default());
    let server = serve(stored(keys()).store(store.clone())).await;
    let client = Client::new(&server);
    client.get("/login/ada").await;
    assert_eq!(store.take_calls(), ["insert"]);
    for path in ["/public", "/nowhere"] {
        let reply = client.get(path).await;
        assert!(reply.set_cookies().is_empty() && reply.header("vary").is_none(), "{path}");
        assert_eq!(store.take_calls(), [""; 0], "{path}");
    }
    assert_eq!(client.get("/mine").await.body, "ada");
    assert_eq!(store.take_calls(), ["load"]);
}

/// Complaint: answers that were made before the session plugin ran lose the cookie, or throw.
#[tokio::test]
async fn a_response_without_a_body_carries_the_cookie_too() {
    async fn nothing(session: Session<Cart>) -> Response {
        session.set_products(vec![1]);
        StatusCode::NO_CONTENT.into_response()
    }
    let routes = Router::new().route("/", get(nothing)).layer(layer(stored(keys())));
    let reply = Client::new(&Server::start(routes).await).get("/").await;
    assert_eq!(reply.status, 204);
    assert_eq!(Cookie::only(&reply.set_cookies()).name, "cart");
}
