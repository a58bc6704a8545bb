//! A log-in whose session is over before the commit: the log-in happens all the same, or the response
//! is an error. For sessions in a store, and in the token with and without a revocation.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType,
    clock::ManualClock,
    policy::{OnMaxSessions, OnStoreError},
    store::MemoryStore,
};
use tests::{Client, Fault, Log, Reply, Server, Spy, Verb, spy};

use crate::gate::Gate;

const IDLE: Duration = Duration::from_secs(30 * 60);
/// A tenth of a second less.
const NEARLY_IDLE: Duration = Duration::from_millis(30 * 60 * 1000 - 100);
const SECOND: Duration = Duration::from_secs(1);

macro_rules! session {
    ($name:ident, $payload:literal) => {
        #[derive(Session)]
        #[session(name = "l", prefix = "none", idle = "30m", absolute = "12h", payload = $payload)]
        struct $name {
            #[session(principal)]
            user: Option<String>,
            theme: String,
            cart: Vec<u32>,
            notes: BTreeMap<String, u32>,
            words: String,
            flow: Option<String>,
            #[session(clear_on_login)]
            state: Option<String>,
            #[session(flash)]
            notice: Option<String>,
        }
    };
}

session!(Stored, "server");
session!(Sealed, "sealed");

/// Fields that only a store can merge or compare.
#[derive(Session)]
#[session(name = "l", prefix = "none", idle = "30m", absolute = "12h")]
struct Merged {
    #[session(principal)]
    user: Option<String>,
    #[session(counter)]
    hits: i64,
    #[session(merge = "cas")]
    balance: u32,
    #[session(group = "order")]
    items: Vec<u32>,
    #[session(group = "order", clear_on_login)]
    total: u32,
    #[session(merge = "max")]
    best: u32,
}

struct Case {
    server: Server,
    clock: Arc<ManualClock>,
    store: Spy<MemoryStore>,
    gate: Gate,
}

/// The route that does what its path says, word by word.
macro_rules! routes {
    ($session:ty, $act:ident) => {
        Router::new().route(
            "/{words}",
            get(
                async |s: Session<$session>,
                       State(gate): State<Gate>,
                       Path(words): Path<String>| {
                    for word in words.split('+') {
                        match word {
                            "wait" => gate.hold().await,
                            "save" => drop(s.save().await),
                            "destroy" => s.destroy(),
                            "logout" => s.log_out(),
                            "clear" => s.clear(),
                            "rotate" => s.rotate(),
                            "remember" => s.remember_for(IDLE),
                            "ada" | "bob" => s.log_in(word.to_owned()),
                            _ => $act(&s, word),
                        }
                    }
                    Ok::<_, Error>(format!("{:?}", s.user()))
                },
            ),
        )
    };
}

macro_rules! act {
    ($name:ident, $session:ty) => {
        fn $name(s: &Session<$session>, word: &str) {
            match word {
                "read" => {}
                "theme" => s.set_theme("dark".to_owned()),
                "push" => s.push_cart(1),
                "note" => s.insert_notes("k".to_owned(), 7),
                "append" => s.update_words(|words| words.push('x')),
                "set-flow" => s.set_flow("flow".to_owned()),
                "set-state" => s.set_state("state".to_owned()),
                "set-notice" => s.set_notice("notice".to_owned()),
                "take-flow" => drop(s.take_flow()),
                "take-state" => drop(s.take_state()),
                "take-notice" => drop(s.take_notice()),
                other => unreachable!("no word `{other}`"),
            }
        }
    };
}

act!(act_stored, Stored);
act!(act_sealed, Sealed);

fn act_merged(s: &Session<Merged>, word: &str) {
    match word {
        "read" => {}
        "hit" => s.add_hits(1),
        "spend" => s.set_balance(s.balance() + 1),
        "order" => s.set_items(vec![1]),
        "best-9" => s.set_best(9),
        "best-5" => s.set_best(5),
        other => unreachable!("no word `{other}`"),
    }
}

/// Adds the route `/show`.
macro_rules! shown {
    ($session:ty, $act:ident) => {
        routes!($session, $act).route(
            "/show",
            get(async |s: Session<$session>| {
                format!(
                    "{:?} {} {:?} {:?} {} {:?} {:?}",
                    s.user(),
                    s.theme(),
                    s.cart(),
                    s.notes(),
                    s.words(),
                    s.flow(),
                    s.state()
                )
            }),
        )
    };
}

async fn start<T: SessionType>(
    router: Router<Gate>,
    store: MemoryStore,
    settle: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
) -> Case {
    let (clock, store) = (Arc::new(ManualClock::default()), spy(store));
    let gate = Gate::of(1);
    let builder = SessionLayer::<T>::builder(KeyRing::ephemeral().expect("random bytes"))
        .clock(Arc::clone(&clock))
        .insecure_dev();
    let layer = settle(builder, store.clone()).build().expect("a sound configuration");
    let server = Server::start(router.with_state(gate.clone()).layer(layer)).await;
    Case { server, clock, store, gate }
}

async fn stored() -> Case {
    let store = MemoryStore::default();
    start::<Stored>(shown!(Stored, act_stored), store, SessionLayerBuilder::store).await
}

async fn sealed() -> Case {
    let store = MemoryStore::default();
    start::<Sealed>(shown!(Sealed, act_sealed), store, SessionLayerBuilder::revocation).await
}

async fn unrevoked() -> Case {
    let store = MemoryStore::default();
    start::<Sealed>(shown!(Sealed, act_sealed), store, |builder, _| {
        builder.accept_replay_until_expiry()
    })
    .await
}

async fn each() -> [Case; 3] {
    [stored().await, sealed().await, unrevoked().await]
}

async fn merged() -> Case {
    let router = routes!(Merged, act_merged).route(
        "/show",
        get(async |s: Session<Merged>| {
            format!(
                "{:?} {} {} {:?} {} {}",
                s.user(),
                s.hits(),
                s.balance(),
                s.items(),
                s.total(),
                s.best()
            )
        }),
    );
    start::<Merged>(router, MemoryStore::default(), SessionLayerBuilder::store).await
}

impl Case {
    /// Runs a request that has `wait` among its words up to there, then `between`, then the rest.
    async fn interleave(
        &self,
        client: &Client,
        held: &str,
        between: impl Future<Output = ()>,
    ) -> (Reply, Client) {
        self.gate.interleave(client, format!("/{held}"), between).await
    }
}

#[tokio::test]
async fn of_two_log_ins_in_one_moment_both_happen() {
    for case in each().await {
        let client = Client::new(&case.server);
        client.get("/theme").await;
        let other = async {
            assert_eq!(client.get("/bob").await.status, 200);
        };
        let (reply, slow) = case.interleave(&client, "wait+ada", other).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.set_cookies().len(), 1, "it is told its own token");
        assert_eq!(slow.get("/read").await.body, "Some(\"ada\")");
        assert_eq!(client.get("/read").await.body, "Some(\"bob\")");
    }
}

#[tokio::test]
async fn a_log_in_to_a_session_that_expires_meanwhile_happens_in_a_fresh_session() {
    for case in each().await {
        let client = Client::new(&case.server);
        client.get("/theme").await;
        case.clock.advance(NEARLY_IDLE);
        let late = async { case.clock.advance(SECOND) };
        let (reply, slow) = case.interleave(&client, "wait+ada", late).await;
        assert_eq!(reply.status, 200);
        assert_eq!(slow.get("/show").await.body, "Some(\"ada\")  [] {}  None None");
    }
}

#[tokio::test]
async fn a_log_in_to_a_remembered_session_that_expires_meanwhile_gets_a_life_of_its_own() {
    for case in each().await {
        let client = Client::new(&case.server);
        client.get("/ada+remember").await;
        case.clock.advance(NEARLY_IDLE);
        let late = async { case.clock.advance(SECOND) };
        let (_, slow) = case.interleave(&client, "wait+ada", late).await;
        assert_eq!(slow.get("/read").await.body, "Some(\"ada\")");
        case.clock.advance(NEARLY_IDLE);
        assert_eq!(slow.get("/read").await.body, "Some(\"ada\")");
    }
}

#[tokio::test]
async fn a_log_in_to_a_session_that_another_request_ends_meanwhile_happens_in_a_fresh_session() {
    for end in ["logout", "destroy"] {
        for case in [stored().await, sealed().await] {
            let client = Client::new(&case.server);
            client.get("/theme").await;
            let old = client.fork();
            let ends = async {
                assert_eq!(client.get(&format!("/{end}")).await.status, 200);
            };
            let (reply, slow) = case.interleave(&client, "wait+ada", ends).await;
            assert_eq!(reply.status, 200, "{end}");
            assert_eq!(slow.get("/show").await.body, "Some(\"ada\")  [] {}  None None", "{end}");
            assert_eq!(old.get("/read").await.body, "None", "the old token stays dead");
        }
    }
}

#[tokio::test]
async fn a_log_in_to_a_session_that_is_evicted_meanwhile_happens_in_a_fresh_session() {
    let router = shown!(Stored, act_stored);
    let store = MemoryStore::with_limit(1);
    let case = start::<Stored>(router, store, SessionLayerBuilder::store).await;
    let client = Client::new(&case.server);
    client.get("/theme").await;
    let visitor = Client::new(&case.server);
    let evicts = async {
        assert_eq!(visitor.get("/theme").await.status, 200);
    };
    let (reply, slow) = case.interleave(&client, "wait+ada", evicts).await;
    assert_eq!(reply.status, 200);
    assert_eq!(slow.get("/read").await.body, "Some(\"ada\")");
}

#[tokio::test]
async fn a_fresh_session_has_what_the_request_wrote_and_nothing_of_the_old_one() {
    for case in [stored().await, sealed().await] {
        let client = Client::new(&case.server);
        client.get("/push+note+append+theme+set-flow").await;
        let ends = async {
            client.get("/destroy").await;
        };
        let (reply, slow) =
            case.interleave(&client, "push+append+wait+ada+push+note+append", ends).await;
        assert_eq!(reply.status, 200);
        let shown = slow.get("/show").await.body;
        assert_eq!(shown, "Some(\"ada\")  [1, 1] {\"k\": 7} xx None None");
    }
    let case = merged().await;
    let client = Client::new(&case.server);
    client.get("/hit+hit+hit+spend+best-9").await;
    let ends = async {
        client.get("/destroy").await;
    };
    let (reply, slow) = case.interleave(&client, "hit+wait+ada+hit", ends).await;
    assert_eq!(reply.status, 200);
    assert_eq!(slow.get("/show").await.body, "Some(\"ada\") 2 0 [] 0 0");
}

#[tokio::test]
async fn a_handler_that_saves_its_log_in_goes_on_in_the_fresh_session() {
    for case in [stored().await, sealed().await] {
        let client = Client::new(&case.server);
        client.get("/push+theme").await;
        let ends = async {
            client.get("/destroy").await;
        };
        let (reply, slow) =
            case.interleave(&client, "read+wait+ada+push+save+push+append", ends).await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "Some(\"ada\")"));
        let shown = slow.get("/show").await.body;
        assert_eq!(shown, "Some(\"ada\")  [1, 1] {} x None None");
    }
}

#[tokio::test]
async fn a_log_in_after_a_save_that_was_lost_happens_in_a_fresh_session() {
    for case in [stored().await, sealed().await] {
        let client = Client::new(&case.server);
        client.get("/push+theme").await;
        let ends = async {
            client.get("/rotate").await;
        };
        let (reply, slow) = case.interleave(&client, "wait+rotate+save+ada+append", ends).await;
        assert_eq!(reply.status, 200);
        assert_eq!(slow.get("/show").await.body, "Some(\"ada\")  [] {} x None None");
        assert_eq!(client.get("/read").await.body, "None", "the other request's session lives");
    }
}

#[tokio::test]
async fn a_log_in_that_rests_on_the_old_session_is_a_conflict_and_nobody_is_logged_in() {
    for words in ["take-flow+wait+ada", "wait+ada+take-flow", "take-state+wait+ada"] {
        for case in [stored().await, sealed().await] {
            let client = Client::new(&case.server);
            client.get("/set-flow+set-state").await;
            let ends = async {
                client.get("/logout").await;
            };
            let (reply, slow) = case.interleave(&client, words, ends).await;
            assert_eq!(reply.status, 409, "{words}");
            assert!(reply.set_cookies().is_empty(), "{words}");
            assert_eq!(slow.get("/read").await.body, "None", "{words}");
        }
    }
    for word in ["spend", "order", "best-5"] {
        let case = merged().await;
        let client = Client::new(&case.server);
        client.get("/hit+best-9").await;
        let ends = async {
            client.get("/logout").await;
        };
        let words = format!("wait+{word}+ada");
        let (reply, slow) = case.interleave(&client, &words, ends).await;
        assert_eq!(reply.status, 409, "{word}");
        assert_eq!(slow.get("/read").await.body, "None", "{word}");
    }
}

#[tokio::test]
async fn what_is_taken_is_taken_once_also_in_a_log_in_that_clears_the_session() {
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/bob+set-flow").await;
    let takes = async {
        client.get("/take-flow").await;
    };
    let (reply, slow) = case.interleave(&client, "take-flow+wait+ada", takes).await;
    assert_eq!(reply.status, 409);
    assert_eq!(slow.get("/read").await.body, "Some(\"bob\")", "nobody else is logged in");
}

#[tokio::test]
async fn taking_what_is_shown_once_does_not_keep_anybody_from_logging_in() {
    for case in [stored().await, sealed().await] {
        let client = Client::new(&case.server);
        client.get("/set-notice").await;
        let ends = async {
            client.get("/logout").await;
        };
        let (reply, slow) = case.interleave(&client, "take-notice+wait+ada", ends).await;
        assert_eq!(reply.status, 200);
        assert_eq!(slow.get("/read").await.body, "Some(\"ada\")");
    }
}

#[tokio::test]
async fn a_log_in_without_consent_to_a_session_is_an_error() {
    let stored = shown!(Stored, act_stored);
    let stored = start::<Stored>(stored, MemoryStore::default(), |builder, store| {
        builder.store(store).consent(|_| false)
    });
    let sealed = shown!(Sealed, act_sealed);
    let sealed = start::<Sealed>(sealed, MemoryStore::default(), |builder, _| {
        builder.accept_replay_until_expiry().consent(|_| false)
    });
    for case in [stored.await, sealed.await] {
        let client = Client::new(&case.server);
        for words in ["/ada", "/ada+save"] {
            let reply = client.get(words).await;
            assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (403, 0), "{words}");
        }
        assert_eq!(client.get("/theme").await.status, 200, "nobody was told that it is kept");
    }
}

#[tokio::test]
async fn a_log_in_in_a_request_that_destroys_the_session_is_an_error() {
    for words in ["ada+destroy", "destroy+ada", "destroy+save+ada", "destroy+ada+save"] {
        for case in each().await {
            let client = Client::new(&case.server);
            client.get("/theme").await;
            let reply = client.get(&format!("/{words}")).await;
            assert_eq!(reply.status, 500, "{words}");
            assert_eq!(client.get("/read").await.body, "None", "{words}");
            assert_eq!(client.cookie("l"), None, "{words}: the session was destroyed");
        }
    }
    for case in each().await {
        let client = Client::new(&case.server);
        assert_eq!(client.get("/ada+save+destroy").await.status, 200, "it was logged in till then");
        assert_eq!(client.get("/read").await.body, "None");
    }
}

#[tokio::test]
async fn a_log_in_that_the_store_cannot_hold_is_an_error() {
    let degrade =
        start::<Stored>(shown!(Stored, act_stored), MemoryStore::default(), |b, store| {
            b.store(store).on_store_error(OnStoreError::Degrade)
        })
        .await;
    let client = Client::new(&degrade.server);
    client.get("/theme").await;
    degrade.store.fault(Verb::Load, Fault::Down);
    assert_eq!(client.get("/ada").await.status, 503);

    let router = shown!(Stored, act_stored);
    let store = MemoryStore::with_limit(1);
    let full = start::<Stored>(router, store, SessionLayerBuilder::store).await;
    let first = Client::new(&full.server);
    assert_eq!(first.get("/ada").await.status, 200);
    let second = Client::new(&full.server);
    assert_eq!(second.get("/bob").await.status, 503);
    assert_eq!(first.get("/read").await.body, "Some(\"ada\")");

    let refusing =
        start::<Stored>(shown!(Stored, act_stored), MemoryStore::default(), |b, store| {
            b.store(store).max_sessions(1, OnMaxSessions::RefuseNew)
        })
        .await;
    Client::new(&refusing.server).get("/ada").await;
    let client = Client::new(&refusing.server);
    client.get("/theme").await;
    let ends = async {
        client.get("/destroy").await;
    };
    let (reply, slow) = refusing.interleave(&client, "wait+ada", ends).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (403, 0));
    assert_eq!(slow.get("/read").await.body, "None");
}

#[tokio::test]
async fn a_store_that_fails_while_a_log_in_begins_a_fresh_session_is_503() {
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/theme").await;
    let ends = async {
        client.get("/destroy").await;
        case.store.fault(Verb::Insert, Fault::Down);
    };
    let (reply, slow) = case.interleave(&client, "wait+ada", ends).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (503, 0));
    case.store.heal(Verb::Insert);
    assert_eq!(slow.get("/read").await.body, "None");
}

#[tokio::test]
async fn the_log_says_that_a_log_in_begins_a_fresh_session() {
    let log = Log::of_this_thread();
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/theme").await;
    let ends = async {
        client.get("/destroy").await;
    };
    case.interleave(&client, "wait+ada", ends).await;
    assert!(log.text().contains("the log-in takes place in a fresh session"), "{}", log.text());
}
