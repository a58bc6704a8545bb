//! `ktor_auth` as its users meet it: a form, a greeting that counts, a second proof for `/admin`.
//! Knows nothing of the library behind it, except where a test makes a session that the program
//! would not.

use axum::{Router, extract::Path, routing::get};
use session_runtime::{Key, KeyRing, Session, SessionLayer, store};
use tests::{
    Client, Server,
    example::{Example, Reply},
};

use crate::ktor::{Cookie, THEIRS};

/// Deviation: Ktor's cookie has no `SameSite`, and says `Expires` beside `Max-Age` and a `$x-enc`.
const ATTRIBUTES: [&str; 3] = ["httponly", "path=/", "samesite=lax"];
const FORM: [&str; 2] = ["username=jetbrains", "password=foobar"];

fn start() -> Example {
    Example::start("ktor_auth", &[])
}

fn is_redirect(reply: &Reply, to: &str) -> bool {
    (reply.status, reply.header("location")) == (302, Some(to))
}

#[test]
fn t19_the_form_logs_in_and_nobody_else_does() {
    let example = start();
    let form = example.request("/login", &[]);
    assert_eq!(form.status, 200);
    assert!(form.body.contains("name=username") && form.body.contains("name=password"));

    let browser = example.browser();
    let reply = browser.post("/login", &FORM);
    assert!(is_redirect(&reply, "/hello"), "{reply:?}");
    let cookie = Cookie::only(&reply.set_cookies());
    assert_eq!(cookie.name, "user_session");
    assert!(cookie.lasts(60), "{cookie:?}");
    assert_eq!(cookie.others, ATTRIBUTES);
    // Deviation: in Ktor's example the cookie is plain JSON, which anybody can write.
    assert!(!cookie.value.contains("jetbrains") && !cookie.value.contains('{'), "{cookie:?}");

    for wrong in [
        ["username=jetbrains", "password=foobaz"],
        ["username=jetbrains", "password="],
        ["username=Jetbrains", "password=foobar"],
        ["username=foobar", "password=jetbrains"],
    ] {
        let stranger = example.browser();
        let reply = stranger.post("/login", &wrong);
        assert_eq!(reply.status, 401, "{wrong:?}");
        assert!(reply.set_cookies().is_empty(), "{wrong:?}: {reply:?}");
        assert!(is_redirect(&stranger.get("/hello"), "/login"), "{wrong:?}");
    }
}

#[test]
fn t20_the_greeting_counts_visits() {
    let example = start();
    let browser = example.browser();
    browser.post("/login", &FORM);
    for visit in 1..=3 {
        let reply = browser.get("/hello");
        let greeting = format!("Hello, jetbrains! Visit count is {visit}.");
        assert_eq!((reply.status, reply.body), (200, greeting));
    }
}

#[test]
fn t21_without_a_session_the_guard_sends_to_the_form() {
    let example = start();
    for path in ["/hello", "/admin"] {
        let reply = example.request(path, &[]);
        assert!(is_redirect(&reply, "/login"), "{path}: {reply:?}");
        assert!(reply.set_cookies().is_empty(), "{path}: {reply:?}");
        let basic = example.request(path, &["--user", "admin:password"]);
        assert!(is_redirect(&basic, "/login"), "Basic alone is not enough for {path}");
    }
}

#[test]
fn t22_the_log_out_clears_the_cookie_and_every_copy_of_it() {
    let example = start();
    let browser = example.browser();
    browser.post("/login", &FORM);
    let cookie = browser.cookie("user_session").expect("the log-in sets it");
    let reply = browser.get("/logout");
    assert!(is_redirect(&reply, "/login"), "{reply:?}");
    assert!(Cookie::only(&reply.set_cookies()).clears("user_session", &ATTRIBUTES), "{reply:?}");
    assert!(is_redirect(&browser.get("/hello"), "/login"));
    // Deviation: in Ktor's example a copy of the cookie goes on working.
    assert!(is_redirect(&example.replay("/hello", &cookie), "/login"));
    browser.post("/login", &FORM);
    assert_eq!(browser.get("/hello").body, "Hello, jetbrains! Visit count is 1.", "a new count");
}

/// The session of the example, for a program that lets in whoever asks.
#[derive(Session)]
#[session(name = "user_session", prefix = "none", idle = "1m", absolute = "12h", persistent)]
struct UserSession {
    #[session(principal)]
    name: Option<String>,
}

#[tokio::test]
async fn t23_a_session_of_somebody_who_is_not_one_of_us_is_sent_to_the_form() {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let url = format!("file:{}", folder.path().join("sessions").display());
    let key = Key::generate().expect("random bytes").to_base64();
    let settings = [("STORE", url.as_str()), ("SESSION_KEYS", key.as_str())];
    let example = Example::start("ktor_auth", &settings);
    let layer = SessionLayer::<UserSession>::builder(KeyRing::from_text(&key).expect("a key"))
        .store(store::open(&url).await.expect("a store of files"))
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let log_in = async |session: Session<UserSession>, Path(name)| session.log_in(name);
    let server = Server::start(Router::new().route("/{name}", get(log_in)).layer(layer)).await;

    for (name, is_one_of_us) in [("jetlag", true), ("jet", true), ("alan", false), ("Jet", false)] {
        let client = Client::new(&server);
        client.get(&format!("/{name}")).await;
        let token = client.cookie("user_session").expect("the log-in sets it");
        let reply = example.replay("/hello", &format!("user_session={token}"));
        if is_one_of_us {
            let greeting = format!("Hello, {name}! Visit count is 1.");
            assert_eq!((reply.status, reply.body), (200, greeting));
        } else {
            assert!(is_redirect(&reply, "/login"), "{name}: {reply:?}");
            assert!(is_redirect(
                &example.replay("/admin", &format!("user_session={token}")),
                "/login"
            ));
        }
    }
}

#[test]
fn the_admin_page_asks_for_both_proofs() {
    let example = start();
    let browser = example.browser();
    browser.post("/login", &FORM);
    for wrong in [&[][..], &["--user", "admin:admin"], &["--user", "jetbrains:foobar"]] {
        let reply = browser.request("/admin", wrong);
        assert_eq!(reply.status, 401, "{wrong:?}");
        assert!(reply.header("www-authenticate").is_some_and(|it| it.starts_with("Basic ")));
    }
    let reply = browser.request("/admin", &["--user", "admin:password"]);
    let greeting = "Hi, jetbrains! Welcome to the Admin page.";
    assert_eq!((reply.status, reply.body.as_str()), (200, greeting));
}

#[test]
fn a_ktor_token_is_refused() {
    let example = start();
    for token in THEIRS {
        let cookie = format!("user_session={token}");
        let reply = example.replay("/hello", &cookie);
        assert!(is_redirect(&reply, "/login"), "{token}: {reply:?}");
        let reply = example.request(
            "/login",
            &["--header", &format!("Cookie: {cookie}"), "--data", &FORM.join("&")],
        );
        assert!(is_redirect(&reply, "/hello"), "{token}: {reply:?}");
    }
}
