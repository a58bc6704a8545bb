//! The word of a response about its commit: to middleware in its extensions, to people by a page, and by a
//! status where changes were lost.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    middleware,
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use session_runtime::{
    Committed, Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType,
    policy::OnLost, store::MemoryStore,
};
use tests::{Client, Fault, Reply, Server, Spy, Verb, spy};

use crate::gate::Gate;

macro_rules! session {
    ($name:ident, $payload:literal $(, $word:ident = $value:literal)?) => {
        #[derive(Session)]
        #[session(name = "a", prefix = "none", idle = "30m", absolute = "12h", payload = $payload)]
        $(#[session($word = $value)])?
        struct $name {
            #[session(principal)]
            user: Option<String>,
            theme: String,
            flow: Option<String>,
        }
    };
}

session!(Stored, "server");
session!(Sealed, "sealed");
session!(Strict, "server", on_lost = "conflict");

#[derive(Session)]
#[session(name = "b", prefix = "none")]
struct Counted {
    #[session(principal)]
    user: Option<String>,
    #[session(counter)]
    small: u8,
}

struct Case {
    server: Server,
    store: Spy<MemoryStore>,
    gate: Gate,
}

macro_rules! routes {
    ($session:ty) => {
        Router::new()
            .route(
                "/{words}",
                get(
                    async |s: Session<$session>,
                           State(gate): State<Gate>,
                           Path(words): Path<String>|
                           -> Result<String, Error> {
                        for word in words.split('+') {
                            match word {
                                "wait" => gate.hold().await,
                                "read" => {}
                                "flow" => s.set_flow("flow".to_owned()),
                                "take" => drop(s.take_flow()),
                                "ada" => s.log_in(word.to_owned()),
                                "logout" => s.log_out(),
                                "save" => drop(s.save().await?),
                                theme => s.set_theme(theme.to_owned()),
                            }
                        }
                        Ok(format!("{:?} {}", s.user(), s.theme()))
                    },
                ),
            )
            .route("/none", get(async || "none"))
    };
}

/// Shows what middleware sees.
macro_rules! told {
    ($session:ty) => {
        middleware::map_response(async |mut response: Response| {
            let extensions = response.extensions();
            let told = extensions.get::<Committed<$session>>().map(|committed| {
                match (committed.saved(), committed.error()) {
                    (Some(saved), None) => format!("{saved:?}"),
                    (None, Some(error)) => error.status().as_u16().to_string(),
                    (saved, error) => format!("{saved:?} {error:?}"),
                }
            });
            let error = extensions.get::<Error>().map_or(0, |error| error.status().as_u16());
            let text = format!("{} {error}", told.unwrap_or_else(|| "-".to_owned()));
            let text = text.parse().expect("a header");
            response.headers_mut().insert("x-told", text);
            response
        })
    };
}

async fn start<T: SessionType>(
    router: Router<Gate>,
    tell: impl FnOnce(Router) -> Router,
    settle: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
) -> Case {
    let store = spy(MemoryStore::default());
    let gate = Gate::of(1);
    let keys = KeyRing::ephemeral().expect("random bytes");
    let builder = SessionLayer::<T>::builder(keys).insecure_dev();
    let layer = settle(builder, store.clone()).build().expect("a sound configuration");
    let router = tell(router.with_state(gate.clone()).layer(layer));
    Case { server: Server::start(router).await, store, gate }
}

async fn stored(
    adjust: impl FnOnce(SessionLayerBuilder<Stored>) -> SessionLayerBuilder<Stored>,
) -> Case {
    let tell = |router: Router| router.layer(told!(Stored));
    start::<Stored>(routes!(Stored), tell, |builder, store| adjust(builder.store(store))).await
}

async fn sealed(
    adjust: impl FnOnce(SessionLayerBuilder<Sealed>) -> SessionLayerBuilder<Sealed>,
) -> Case {
    let tell = |router: Router| router.layer(told!(Sealed));
    start::<Sealed>(routes!(Sealed), tell, |builder, store| adjust(builder.revocation(store))).await
}

impl Case {
    async fn interleave(&self, client: &Client, held: &str, between: &str) -> Reply {
        let between = async {
            client.get(&format!("/{between}")).await;
        };
        self.gate.interleave(client, format!("/{held}"), between).await.0
    }
}

#[tokio::test]
async fn a_responses_extensions_say_what_was_committed() {
    let case = stored(|builder| builder).await;
    let client = Client::new(&case.server);
    for (words, expected) in [
        ("none", "- 0"),
        ("read", "- 0"),
        ("dark", "Created 0"),
        ("light", "- 0"),
        ("read", "- 0"),
        ("logout", "Ended 0"),
        ("flow", "Created 0"),
    ] {
        let reply = client.get(&format!("/{words}")).await;
        assert_eq!(reply.header("x-told"), Some(expected), "{words}");
    }
    let reply = case.interleave(&client, "take+wait", "take").await;
    assert_eq!(reply.header("x-told"), Some("409 409"));
    let reply = case.interleave(&client, "dark+wait", "logout").await;
    assert_eq!((reply.status.as_u16(), reply.header("x-told")), (200, Some("Lost 0")));
    case.store.fault(Verb::Insert, Fault::Down);
    assert_eq!(client.get("/dark").await.header("x-told"), Some("503 503"));
    let case = stored(|builder| builder.consent(|_| false)).await;
    let reply = Client::new(&case.server).get("/dark").await;
    assert_eq!(reply.header("x-told"), Some("Withheld 0"));
}

#[tokio::test]
async fn changes_that_are_lost_are_a_conflict_where_the_deployment_says_so() {
    let lost = |builder: SessionLayerBuilder<Stored>| builder.on_lost(OnLost::Conflict);
    for (case, keeps) in [
        (stored(|builder| builder).await, true),
        (stored(lost).await, false),
        (sealed(|builder| builder).await, true),
        (sealed(|builder| builder.on_lost(OnLost::Conflict)).await, false),
    ] {
        for words in ["wait+dark", "dark+wait", "wait+dark+flow"] {
            let client = Client::new(&case.server);
            client.get("/ada").await;
            let reply = case.interleave(&client, words, "logout").await;
            let status = if keeps { 200 } else { 409 };
            assert_eq!(reply.status.as_u16(), status, "{words}");
            assert_eq!(client.get("/read").await.body, "None ");
        }
        for words in ["read+wait", "wait+logout", "wait+ada"] {
            let client = Client::new(&case.server);
            client.get("/ada").await;
            let reply = case.interleave(&client, words, "logout").await;
            assert_eq!(reply.status, 200, "{words}: nothing is lost");
        }
    }
}

#[tokio::test]
async fn changes_that_are_lost_are_a_conflict_where_the_struct_says_so_unless_the_deployment_differs()
 {
    for (adjust, status) in [(None, 409), (Some(OnLost::Keep), 200)] {
        let tell = |router: Router| router.layer(told!(Strict));
        let settle = |builder: SessionLayerBuilder<Strict>, store| {
            let builder = builder.store(store);
            adjust.into_iter().fold(builder, SessionLayerBuilder::on_lost)
        };
        let case = start::<Strict>(routes!(Strict), tell, settle).await;
        let client = Client::new(&case.server);
        client.get("/ada").await;
        let reply = case.interleave(&client, "dark+wait", "logout").await;
        assert_eq!(reply.status.as_u16(), status);
        assert_eq!(client.get("/read").await.body, "None ");
    }
}

#[tokio::test]
async fn an_application_renders_the_errors_of_sessions() {
    let pages = |builder: SessionLayerBuilder<Stored>| {
        builder.error_pages(|error| Html(format!("<p>{}</p>", error.status().as_u16())))
    };
    let case = stored(pages).await;
    let client = Client::new(&case.server);
    client.get("/flow").await;
    let reply = case.interleave(&client, "take+wait", "take").await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (409, "<p>409</p>"));
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(reply.header("x-told"), Some("409 409"));
    case.store.fault(Verb::Replace, Fault::Down);
    for words in ["dark", "dark+save"] {
        let reply = client.get(&format!("/{words}")).await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (503, "<p>503</p>"), "{words}");
    }
    case.store.fault(Verb::Load, Fault::Down);
    let reply = client.get("/read").await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (503, "<p>503</p>"), "an extractor's");
    assert!(reply.set_cookies().is_empty());
    assert_eq!(client.get("/none").await.body, "none");
}

#[tokio::test]
async fn a_page_may_be_another_error_or_a_redirect_but_no_success() {
    let page = |error: &Error| -> Response {
        match error.status() {
            StatusCode::UNPROCESSABLE_ENTITY => Redirect::to("/again").into_response(),
            StatusCode::SERVICE_UNAVAILABLE => (StatusCode::BAD_GATEWAY, "down").into_response(),
            _ => (StatusCode::CREATED, "no").into_response(),
        }
    };
    let store = spy(MemoryStore::default());
    let layer = SessionLayer::<Counted>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .insecure_dev()
        .error_pages(page)
        .build()
        .expect("a sound configuration");
    let outer = SessionLayer::<Stored>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(MemoryStore::default())
        .insecure_dev()
        .error_pages(|_| "the outer layer's")
        .build()
        .expect("a sound configuration");
    let router = Router::new()
        .route("/add/{by}", get(async |s: Session<Counted>, Path(by): Path<i64>| s.add_small(by)))
        .route("/random", get(async |_: Session<Sealed>| "no layer for it"))
        .layer(layer)
        .layer(outer);
    let server = Server::start(router).await;
    let client = Client::new(&server);
    assert_eq!(client.get("/add/200").await.status, 200);
    let reply = client.get("/add/200").await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, Some("/again")));
    let reply = client.get("/random").await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (500, "no"));
    store.fault(Verb::Load, Fault::Down);
    let reply = client.get("/add/1").await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (502, "down"));
}

#[tokio::test]
async fn a_log_in_with_a_counter_out_of_range_is_422_and_logs_nobody_in() {
    let layer = SessionLayer::<Counted>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(MemoryStore::default())
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let log_in = async |s: Session<Counted>, Path(by): Path<i64>| {
        s.log_in("ada".to_owned());
        s.add_small(by);
    };
    let read = async |s: Session<Counted>| format!("{:?} {}", s.user(), s.small());
    let router = Router::new().route("/log-in/{by}", get(log_in)).route("/read", get(read));
    let server = Server::start(router.layer(layer)).await;
    // In a session that the log-in begins, and in one that is there.
    for held in [0, 200] {
        let client = Client::new(&server);
        if held > 0 {
            assert_eq!(client.get(&format!("/log-in/{held}")).await.status, 200);
        }
        let before = client.get("/read").await.body;
        let reply = client.get("/log-in/256").await;
        assert_eq!(reply.status, 422, "{held}");
        assert_eq!(client.get("/read").await.body, before, "{held}");
    }
}
