//! `token inspect`.

use axum::{Router, routing::post};
use serde_json::json;
use session_runtime::{KeyRing, Session, SessionLayer, SessionType, store};
use tests::{
    Client, Server,
    sessions::{Sealed, Signed, Themed},
};

use crate::support::{App, COOKIE, admin, on, ring, run_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_session_names_its_key_its_principal_and_its_age_and_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &format!("sqlite:{}", folder.path().join("sessions").display());
    let file = folder.path().join("keys");
    let keys = KeyRing::from_file_or_create(&file).expect("a file");
    let key_id = keys.keys().next().expect("a key").id.to_string();
    let store = store::open(url).await.expect("it opens");
    let app = App::with(store, keys, |builder| builder).await;
    let (client, id) = app.log_in("ada", "phone").await;
    let token = &client.cookie(COOKIE).expect("logged in");

    let path = file.display().to_string();
    let inspect = ["token", "inspect", "--json", "--keys", &path];
    let ran = run_with(on(url, &inspect), token);
    assert_eq!(ran.code, 0, "{ran:?}");
    let facts = ran.json();
    for (name, value) in [
        ("kind", json!("credential")),
        ("key", json!(key_id)),
        ("key_position", json!(1)),
        ("session", json!(id)),
        ("store_key", json!(format!("shop:{id}"))),
        ("live", json!(true)),
        ("principal", json!("ada")),
    ] {
        assert_eq!(facts[name], value, "{name}: {facts}");
    }
    assert!(facts["created"].is_string() && facts["expires"].is_string(), "{facts}");
    // The verifier and the tag begin behind the selector, at character 30.
    assert!(!ran.out.contains(&token[30..36]), "{ran:?}");

    // As it is pasted from a header, with another ring, and without a store.
    let mut other = admin(&["token", "inspect"]);
    let another_key = session_runtime::Key::generate().expect("random bytes").to_base64();
    other.env("SESSION_KEYS", &*another_key);
    let ran = run_with(other, &format!("{COOKIE}={token}\n"));
    assert!(ran.out.contains("not in the ring") && ran.out.contains(&id), "{ran:?}");
    assert!(!ran.out.contains("live"), "{ran:?}");

    client.post("/log-in/bob/phone").await;
    assert_eq!(crate::support::run(on(url, &["end", "bob"])).code, 0);
    let gone = run_with(on(url, &inspect), token);
    assert_eq!((gone.code, &gone.json()["live"]), (1, &json!(false)));
}

/// Returns a token whose payload has the theme `dark`.
async fn token<T: Themed + SessionType>() -> String {
    let layer = SessionLayer::<T>::builder(ring()).accept_replay_until_expiry();
    let layer = layer.as_another_program().build().expect("a sound configuration");
    let routes = Router::new().route("/", post(async |s: Session<T>| T::set_theme(&s, "dark")));
    let server = Server::start(routes.layer(layer)).await;
    let client = Client::new(&server);
    client.post("/").await;
    client.cookie("s").expect("a session")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_in_the_token_is_not_shown() {
    let inspect = || admin(&["token", "inspect", "--json"]);
    let ran = run_with(inspect(), &token::<Sealed>().await);
    let facts = ran.json();
    assert_eq!(
        (&facts["kind"], facts.as_object().map(serde_json::Map::len)),
        (&json!("sealed"), Some(2))
    );
    let ran = run_with(inspect(), &token::<Signed>().await);
    let facts = ran.json();
    assert_eq!(facts["kind"], json!("signed"));
    for name in ["session", "created", "issued", "expires"] {
        assert!(facts[name].is_string(), "{name}: {facts}");
    }
    assert!(!ran.out.contains("dark"), "{ran:?}");
}

#[test]
fn what_is_no_token_is_refused_and_not_repeated() {
    for text in ["", "hunter2", "AgEAAAAA", "AiAAAAAA"] {
        let ran = run_with(admin(&["token", "inspect"]), text);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("no token") && !ran.err.contains("hunter2"), "{ran:?}");
    }
}
