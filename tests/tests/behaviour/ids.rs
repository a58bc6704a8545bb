//! Public ids of the deployment's own making, and the token as the client holds it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    http::{Method, request::Parts},
    routing::get,
};
use session_runtime::{
    Error, KeyRing, PrincipalType, Session, SessionLayer, SessionLayerBuilder, SessionType,
    store::MemoryStore,
};
use tests::{
    Client, Server, Spy,
    sessions::{self, Sealed, Stored, Themed},
    spy,
};

#[derive(Session)]
#[session(name = "x-s", transport = "header", resend = "never")]
struct InHeader {
    #[session(principal)]
    user: Option<String>,
    theme: String,
}

#[derive(Session)]
#[session(name = "x-s", transport = "bearer")]
struct InBearer {
    #[session(principal)]
    user: Option<String>,
    theme: String,
}

tests::themed!(InHeader, InBearer);

/// The text of the token; `-` if there is none.
fn text<T: SessionType>(session: &Session<T>) -> String {
    session.session_token().map_or_else(|| "-".to_owned(), |token| token.as_str().to_owned())
}

fn routes<T: Themed + PrincipalType<Principal = String>>() -> Router {
    sessions::routes::<T>()
        .route("/id", get(async |s: Session<T>| s.session_id().to_string()))
        .route("/token", get(async |s: Session<T>| text(&s)))
        .route(
            "/steps",
            get(async |s: Session<T>| {
                let mut steps = vec![text(&s)];
                T::set_theme(&s, "dark");
                steps.push(text(&s));
                s.save().await?;
                steps.push(text(&s));
                s.log_in("ada".to_owned());
                steps.push(text(&s));
                s.save().await?;
                steps.push(text(&s));
                Ok::<_, Error>(steps.join(" "))
            }),
        )
        .route(
            "/end",
            get(async |s: Session<T>| {
                s.destroy();
                s.save().await?;
                Ok::<_, Error>(text(&s))
            }),
        )
        .route(
            "/remember",
            get(async |s: Session<T>| {
                s.remember_for(Duration::from_secs(86_400));
                s.save().await?;
                Ok::<_, Error>(text(&s))
            }),
        )
        .route("/debug", get(async |s: Session<T>| format!("{:?}", s.session_token())))
}

async fn start<T: SessionType>(
    routes: Router,
    adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> (Server, Spy<MemoryStore>) {
    let store = spy(MemoryStore::default());
    let builder = SessionLayer::<T>::builder(KeyRing::ephemeral().expect("random bytes"));
    let builder = match T::spec().payload {
        session_runtime::schema::Payload::Server => builder.store(store.clone()),
        _ => builder.accept_replay_until_expiry(),
    };
    let layer = adjust(builder).build().expect("a sound configuration");
    let errors = axum::middleware::map_response(async |response: axum::response::Response| {
        let error = response.extensions().get::<Error>().map(ToString::to_string);
        let (mut parts, body) = response.into_parts();
        if let Some(error) = error {
            parts.headers.insert("x-error", error.parse().expect("visible ASCII"));
        }
        axum::response::Response::from_parts(parts, body)
    });
    (Server::start(routes.layer(layer).layer(errors)).await, store)
}

/// A generator that gives these, and then fails the test.
fn list(ids: &[u8]) -> impl Fn(&Parts) -> [u8; 16] + Send + Sync + 'static {
    let ids = Arc::new(Mutex::new(ids.iter().copied().rev().collect::<Vec<_>>()));
    move |_| [ids.lock().expect("no panic").pop().expect("not asked more often"); 16]
}

fn hex(id: u8) -> String {
    format!("{id:02x}").repeat(16)
}

#[tokio::test]
async fn ids_are_those_of_the_generator_and_verifiers_stay_random() {
    let tokens = |client: &Client| client.cookie("s").expect("a token");
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let (server, _) =
            start::<Stored>(routes::<Stored>(), |builder| builder.session_ids(list(&[1, 2, 3])))
                .await;
        let (first, second) = (Client::new(&server), Client::new(&server));
        assert_eq!(first.get("/id").await.body, hex(1), "an id is drawn when it is asked for");
        first.get("/set").await;
        assert_eq!(first.get("/id").await.body, hex(2));
        second.get("/set").await;
        assert_eq!(second.get("/id").await.body, hex(3));
        assert_eq!(first.get("/read").await.body, "dark");
        seen.extend([tokens(&first), tokens(&second)]);
        let rest = tokens(&first)[30..].to_owned();
        assert!(!tokens(&second).ends_with(&rest));
    }
    assert_eq!(seen.len(), 4);
}

#[tokio::test]
async fn an_id_of_zeros_and_one_that_is_taken_are_errors_that_say_so() {
    let (server, store) =
        start::<Stored>(routes::<Stored>(), |builder| builder.session_ids(list(&[0, 7, 7, 8])))
            .await;
    let failed = async |what: &str| {
        let client = Client::new(&server);
        let reply = client.get("/set").await;
        assert_eq!(reply.status, 500);
        assert!(reply.set_cookies().is_empty() && reply.body.is_empty());
        let error = reply.header("x-error").expect("an error");
        assert!(error.contains("session_ids") && error.contains(what), "{error}");
        assert!(!error.contains("random"), "{error}");
    };
    failed("sixteen zeros").await;
    assert_eq!(store.take_calls(), [""; 0]);
    let first = Client::new(&server);
    assert_eq!(first.get("/set").await.status, 200);
    failed("the id of a session that exists").await;
    assert_eq!(first.get("/read").await.body, "dark", "the first one is as it was");
    assert_eq!(Client::new(&server).get("/set").await.status, 200);
}

#[tokio::test]
async fn payload_tokens_have_ids_of_the_generator_too() {
    let (server, _) =
        start::<Sealed>(routes::<Sealed>(), |builder| builder.session_ids(list(&[5, 0]))).await;
    let client = Client::new(&server);
    client.get("/set").await;
    assert_eq!(client.get("/id").await.body, hex(5));
    let reply = Client::new(&server).get("/set").await;
    assert_eq!(reply.status, 500);
    assert!(reply.header("x-error").is_some_and(|error| error.contains("sixteen zeros")));
}

#[tokio::test]
async fn an_id_may_say_where_its_session_began() {
    let (server, store) = start::<Stored>(routes::<Stored>(), |builder| {
        builder.session_ids(|request| {
            let mut id = [7; 16];
            id[0] = u8::try_from(request.uri.path().len()).expect("a short path");
            id[1] = u8::from(request.headers.contains_key("x-region"));
            id
        })
    })
    .await;
    let begun = Client::new(&server);
    begun.send(Method::GET, "/set", &[("x-region", "eu")]).await;
    let id = format!("0401{}", "07".repeat(14));
    assert_eq!(begun.get("/id").await.body, id, "the request that began it counts, not this one");
    assert_eq!(Client::new(&server).get("/set").await.status, 200, "without the header: another");
    assert_eq!(store.take_calls(), ["insert", "load", "insert"]);
}

#[tokio::test]
async fn the_token_is_what_the_client_holds() {
    let (stored, _) = start::<Stored>(routes::<Stored>(), |builder| builder).await;
    let (sealed, _) = start::<Sealed>(routes::<Sealed>(), |builder| builder).await;
    for server in [stored, sealed] {
        let client = Client::new(&server);
        assert_eq!(client.get("/token").await.body, "-", "not saved yet");
        client.set_cookie("s", "AAAA");
        assert_eq!(client.get("/token").await.body, "-", "not a live session");
        let reply = client.get("/steps").await;
        let steps: Vec<_> = reply.body.split(' ').collect();
        assert_eq!(steps[..2], ["-", "-"], "before the save");
        assert_eq!(steps[2], steps[3], "before the log-in is saved");
        assert_ne!(steps[3], steps[4]);
        assert_eq!(client.cookie("s").as_deref(), Some(steps[4]));
        let held = client.cookie("s");
        client.set_cookie("a", "b");
        assert_eq!(Some(client.get("/token").await.body), held);
        assert_eq!(client.get("/debug").await.body, "Some(SessionToken(<redacted>))");
        let remembered = client.get("/remember").await.body;
        assert_eq!(client.cookie("s"), Some(remembered));
        assert_eq!(client.get("/end").await.body, "-");
    }
}

#[tokio::test]
async fn the_token_of_a_header_is_its_text_alone() {
    let (header, _) = start::<InHeader>(routes::<InHeader>(), |builder| builder).await;
    let (bearer, _) = start::<InBearer>(routes::<InBearer>(), |builder| builder).await;
    for (server, name, prefix) in [(header, "x-s", ""), (bearer, "authorization", "Bearer  ")] {
        let client = Client::new(&server);
        let token = client.get("/set").await.header("x-s").expect("a token").to_owned();
        let value = format!("{prefix}{token}");
        let reply = client.send(Method::GET, "/token", &[(name, &value)]).await;
        assert_eq!(reply.body, token);
        assert_eq!(reply.header("x-s"), None, "and it is not sent again");
    }
}
