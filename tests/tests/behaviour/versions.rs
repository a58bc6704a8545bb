//! Two versions of a program that share sessions during a rolling deploy. They share their keys in
//! another order, since under one writing key a name belongs to one session type.

use std::collections::BTreeMap;

use axum::{Router, extract::Path, routing::get};
use session_runtime::{
    Error, Key, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType,
    store::MemoryStore,
};
use tests::{Client, Server};

/// The older version.
#[derive(Session)]
#[session(name = "v", namespace = "v", prefix = "none")]
struct Old {
    #[session(principal)]
    user: Option<String>,
    #[session(keep)]
    nick_name: Option<String>,
    badge: Option<String>,
    theme: String,
    legacy: Option<String>,
    /// Of another type later.
    level: String,
    extra: BTreeMap<String, String>,
}

/// The newer one.
#[derive(Session)]
#[session(name = "v", namespace = "v", prefix = "none")]
struct New {
    #[session(principal)]
    user: Option<String>,
    #[session(keep, rename = "nick", alias = "nick_name")]
    nick: Option<String>,
    #[session(rename = "shield", alias = "badge")]
    badge: Option<String>,
    theme: String,
    #[session(on_decode_error = "reject")]
    level: Option<u32>,
    extra: BTreeMap<String, String>,
}

/// One whose users have numbers.
#[derive(Session)]
#[session(name = "v", namespace = "v", prefix = "none")]
struct Numbered {
    #[session(principal)]
    user: Option<u32>,
    theme: String,
}

#[derive(Session)]
#[session(name = "v", namespace = "v", prefix = "none", payload = "sealed")]
struct OldSealed {
    #[session(principal)]
    user: Option<String>,
    theme: String,
    legacy: Option<String>,
    extra: BTreeMap<String, String>,
}

#[derive(Session)]
#[session(name = "v", namespace = "v", prefix = "none", payload = "sealed")]
struct NewSealed {
    #[session(principal)]
    user: Option<String>,
    theme: String,
    extra: BTreeMap<String, String>,
}

struct Keys([String; 2]);

impl Keys {
    fn new() -> Self {
        let key = || Key::generate().expect("random bytes").to_base64().to_string();
        Self([key(), key()])
    }

    fn ring(&self, first: usize) -> KeyRing {
        let [one, two] = &self.0;
        let lines = if first == 0 { [one, two] } else { [two, one] };
        KeyRing::from_text(&lines.map(String::as_str).join("\n")).expect("sound keys")
    }
}

async fn serve<T: SessionType>(
    keys: KeyRing,
    routes: Router,
    settle: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> Server {
    let builder = settle(SessionLayer::<T>::builder(keys).insecure_dev().as_another_program());
    Server::start(routes.layer(builder.build().expect("a sound configuration"))).await
}

async fn old(keys: &Keys, store: &MemoryStore) -> Server {
    let routes = Router::new()
        .route(
            "/show",
            get(async |s: Session<Old>| {
                format!("{:?} {:?} {:?} {:?}", s.user(), s.nick_name(), s.legacy(), s.extra())
            }),
        )
        .route(
            "/fill",
            get(async |s: Session<Old>| {
                s.log_in("ada".to_owned());
                s.set_nick_name("ada".to_owned());
                s.set_badge("gold".to_owned());
                s.set_legacy("old".to_owned());
                s.insert_extra("a".to_owned(), "1".to_owned());
            }),
        )
        .route("/level", get(async |s: Session<Old>| s.set_level("high".to_owned())));
    serve::<Old>(keys.ring(0), routes, |builder| builder.store(store.clone())).await
}

async fn act(s: &Session<New>, action: &str) -> Result<(), Error> {
    match action {
        "read" => {}
        "theme" => s.set_theme("dark".to_owned()),
        "nick" => s.set_nick("b".to_owned()),
        "no-nick" => s.clear_nick(),
        "login" => s.log_in("ada".to_owned()),
        "login-alan" => s.log_in("alan".to_owned()),
        "clear" => s.clear(),
        "clear-and-login-alan" => {
            s.clear();
            s.log_in("alan".to_owned());
        }
        "out-and-nick" => {
            s.log_out();
            s.save().await?;
            s.set_nick("b".to_owned());
        }
        "clear-and-nick-twice" => {
            s.clear();
            s.set_nick("a".to_owned());
            s.save().await?;
            s.set_nick("b".to_owned());
        }
        other => unreachable!("no action `{other}`"),
    }
    Ok(())
}

async fn new(keys: &Keys, store: &MemoryStore) -> Server {
    let routes = Router::new().route(
        "/{action}",
        get(async |s: Session<New>, Path(action): Path<String>| -> Result<String, Error> {
            act(&s, &action).await?;
            Ok(format!(
                "{:?} {:?} {:?} {} {:?} {:?}",
                s.user(),
                s.nick(),
                s.badge(),
                s.theme(),
                s.level(),
                s.extra()
            ))
        }),
    );
    serve::<New>(keys.ring(1), routes, |builder| builder.store(store.clone())).await
}

/// The same browser at another server.
fn move_to(client: &Client, server: &Server) -> Client {
    let moved = Client::new(server);
    moved.set_cookie("v", &client.cookie("v").expect("a token"));
    moved
}

/// A session as the older version wrote it, at the newer one; and the older one.
async fn begin() -> (Client, [Server; 2]) {
    let (keys, store) = (Keys::new(), MemoryStore::default());
    let (old, new) = (old(&keys, &store).await, new(&keys, &store).await);
    let client = Client::new(&old);
    client.get("/fill").await;
    (move_to(&client, &new), [old, new])
}

const LOADED: &str = r#"Some("ada") Some("ada") Some("gold")  None {"a": "1"}"#;

#[tokio::test]
async fn what_the_other_version_wrote_is_left_alone() {
    let (client, [old, _new]) = begin().await;
    assert_eq!(client.get("/read").await.body, LOADED);
    client.get("/theme").await;
    client.get("/nick").await;
    let shown = move_to(&client, &old).get("/show").await.body;
    assert_eq!(shown, r#"Some("ada") Some("b") Some("old") {"a": "1"}"#);
    client.get("/no-nick").await;
    let shown = move_to(&client, &old).get("/show").await.body;
    assert_eq!(shown, r#"Some("ada") None Some("old") {"a": "1"}"#);
    assert!(client.get("/read").await.body.starts_with(r#"Some("ada") None Some("gold")"#));
}

#[tokio::test]
async fn a_renamed_field_has_one_value_whatever_it_is_stored_under() {
    for path in ["/out-and-nick", "/clear-and-nick-twice"] {
        let (client, _servers) = begin().await;
        let left = client.get(path).await.body;
        assert!(left.contains(r#"Some("b")"#), "{path}: {left}");
        assert_eq!(client.get("/read").await.body, left, "{path}");
    }
}

#[tokio::test]
async fn clearing_takes_what_the_other_version_wrote_along() {
    let (client, [old, _new]) = begin().await;
    client.get("/clear").await;
    assert_eq!(client.get("/read").await.body, r#"Some("ada") None None  None {}"#);
    assert_eq!(move_to(&client, &old).get("/show").await.body, r#"Some("ada") None None {}"#);
}

#[tokio::test]
async fn what_a_new_principal_keeps_is_found_under_its_older_name() {
    let (client, [old, _new]) = begin().await;
    client.get("/login-alan").await;
    let kept = r#"Some("alan") Some("ada") None  None {}"#;
    assert_eq!(client.get("/read").await.body, kept);
    assert_eq!(
        move_to(&client, &old).get("/show").await.body,
        r#"Some("alan") Some("ada") None {}"#
    );
}

#[tokio::test]
async fn of_two_clears_the_one_that_keeps_less_counts() {
    let (client, _servers) = begin().await;
    client.get("/clear-and-login-alan").await;
    assert_eq!(client.get("/read").await.body, r#"Some("alan") None None  None {}"#);
}

#[tokio::test]
async fn a_field_that_must_decode_rejects_the_whole_session() {
    let (keys, store) = (Keys::new(), MemoryStore::default());
    let (old, new) = (old(&keys, &store).await, new(&keys, &store).await);
    let before = Client::new(&old);
    before.get("/fill").await;
    before.get("/level").await;
    let client = move_to(&before, &new);
    let nobody = "None None None  None {}";
    let reply = client.fork().get("/read").await;
    assert_eq!(reply.body, nobody);
    assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{:?}", reply.set_cookies());
    // What is written goes into a session that has nothing of the rejected one.
    client.get("/theme").await;
    assert_eq!(client.get("/read").await.body, "None None None dark None {}");
}

#[tokio::test]
async fn a_principal_that_no_longer_decodes_is_somebody_else() {
    let (keys, store) = (Keys::new(), MemoryStore::default());
    let old = {
        let routes = Router::new().route(
            "/fill",
            get(async |s: Session<Numbered>| {
                s.log_in(5);
                s.set_theme("of five".to_owned());
            }),
        );
        serve::<Numbered>(keys.ring(0), routes, |builder| builder.store(store.clone())).await
    };
    let new = new(&keys, &store).await;
    let client = Client::new(&old);
    client.get("/fill").await;
    let client = move_to(&client, &new);
    client.get("/login-alan").await;
    let shown = client.get("/read").await.body;
    assert_eq!(shown, r#"Some("alan") None None  None {}"#, "nothing of the other's");
}

#[tokio::test]
async fn in_the_token_too_what_was_cleared_stays_away() {
    let keys = Keys::new();
    let routes = Router::new()
        .route(
            "/fill",
            get(async |s: Session<OldSealed>| {
                s.set_theme("light".to_owned());
                s.set_legacy("old".to_owned());
                s.insert_extra("a".to_owned(), "1".to_owned());
                s.insert_extra("b".to_owned(), "2".to_owned());
            }),
        )
        .route(
            "/show",
            get(async |s: Session<OldSealed>| format!("{:?} {:?}", s.legacy(), s.extra())),
        );
    let accept = |builder: SessionLayerBuilder<OldSealed>| builder.accept_replay_until_expiry();
    let old = serve::<OldSealed>(keys.ring(0), routes, accept).await;
    let routes = Router::new()
        .route("/theme", get(async |s: Session<NewSealed>| s.set_theme("dark".to_owned())))
        .route("/remove", get(async |s: Session<NewSealed>| s.remove_extra("a")))
        .route("/login", get(async |s: Session<NewSealed>| s.log_in("ada".to_owned())))
        .route("/clear", get(async |s: Session<NewSealed>| s.clear()))
        .route(
            "/clear-and-more",
            get(async |s: Session<NewSealed>| -> Result<(), Error> {
                s.clear();
                s.save().await?;
                s.set_theme("dark".to_owned());
                Ok(())
            }),
        )
        .route(
            "/out-and-more",
            get(async |s: Session<NewSealed>| -> Result<(), Error> {
                s.log_out();
                s.set_theme("light".to_owned());
                s.save().await?;
                s.set_theme("dark".to_owned());
                Ok(())
            }),
        );
    let accept = |builder: SessionLayerBuilder<NewSealed>| builder.accept_replay_until_expiry();
    let new = serve::<NewSealed>(keys.ring(1), routes, accept).await;
    for (path, expected) in [
        ("/theme", r#"Some("old") {"a": "1", "b": "2"}"#),
        ("/remove", r#"Some("old") {"b": "2"}"#),
        ("/login", r#"Some("old") {"a": "1", "b": "2"}"#),
        ("/clear", "None {}"),
        ("/clear-and-more", "None {}"),
        ("/out-and-more", "None {}"),
    ] {
        let client = Client::new(&old);
        client.get("/fill").await;
        let client = move_to(&client, &new);
        client.get(path).await;
        assert_eq!(move_to(&client, &old).get("/show").await.body, expected, "{path}");
    }
}
