//! A store that stops answering, and comes back: requests are refused at once in between, and the log
//! tells of it in two lines.

use std::time::{Duration, Instant};

use axum::{
    Router,
    http::{StatusCode, header::RETRY_AFTER},
    response::IntoResponse,
    routing::get,
};
use session_runtime::{
    Error, Key, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType,
    policy::OnStoreError,
    store::{MemoryStore, Properties},
};
use tests::{
    Client, Fault, Log, Server, Spy, Verb, eventually,
    sessions::{Sealed, Stored, Themed},
    spy,
};
use tokio::task::JoinSet;

/// The deadline of an operation, where one is awaited.
const SHORT: Duration = Duration::from_millis(50);
const CLIENTS: usize = 64;
/// The longest time from one try of a store that is down to the next, as the library has it.
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

struct Case {
    server: Server,
    store: Spy<MemoryStore>,
    clients: Vec<Client>,
}

impl Case {
    async fn start<T: Themed>(
        adjust: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
    ) -> Self {
        let store = spy(MemoryStore::default());
        store.pretend(Properties::SHARED);
        let server = Server::start(routes(store.clone(), adjust)).await;
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let client = Client::new(&server);
            assert_eq!(client.get("/set").await.status, StatusCode::OK);
            clients.push(client);
        }
        Self { server, store, clients }
    }

    async fn stored() -> Self {
        Self::start::<Stored>(|builder, store| builder.store(store).deadline(SHORT)).await
    }

    /// The statuses of one request of each client, all at once.
    async fn statuses(&self, path: &'static str) -> Vec<u16> {
        let mut requests = JoinSet::new();
        for client in self.clients.iter().map(Client::fork) {
            requests.spawn(async move { client.get(path).await.status.as_u16() });
        }
        requests.join_all().await
    }

    async fn is_back(&self) {
        eventually("the store is asked again", async || {
            self.clients[0].get("/read").await.status == StatusCode::OK
        })
        .await;
    }
}

fn routes<T: Themed>(
    store: Spy<MemoryStore>,
    adjust: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
) -> Router {
    // Keys that last go with a store that does.
    let key = Key::generate().expect("random bytes");
    let keys = KeyRing::from_text(&key.to_base64()).expect("a key");
    let layer = adjust(SessionLayer::<T>::builder(keys).insecure_dev(), store);
    Router::new()
        .route("/set", get(async |session: Session<T>| T::set_theme(&session, "dark")))
        .route("/read", get(async |session: Session<T>| T::theme(&session)))
        .route("/end", get(async |session: Session<T>| session.destroy()))
        .layer(layer.build().expect("a sound configuration"))
}

/// The lines of the log that an administrator reads.
fn told(log: &Log) -> Vec<String> {
    let text = log.text();
    let severe = |line: &&str| line.contains(" WARN ") || line.contains("ERROR ");
    text.lines()
        .filter(severe)
        .filter(|line| !line.contains("insecure"))
        .map(str::to_owned)
        .collect()
}

fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|line| line.contains(what)).count()
}

#[tokio::test]
async fn an_outage_is_two_lines_of_the_log_and_refuses_without_asking_the_store() {
    for fault in [Fault::Unreachable, Fault::Held] {
        let log = Log::of_this_thread();
        let before = told(&log).len();
        let case = Case::stored().await;
        case.store.fault_all(fault);
        assert!(case.statuses("/read").await.iter().all(|status| *status == 503), "{fault:?}");
        case.store.take_calls();
        let started = Instant::now();
        for _ in 0..4 {
            assert!(case.statuses("/set").await.iter().all(|status| *status == 503), "{fault:?}");
        }
        // Two tries at a time.
        let tries = 2 * (2 + started.elapsed().as_millis() / BETWEEN_TRIES.as_millis());
        let calls = case.store.take_calls().len();
        assert!(calls as u128 <= tries, "{fault:?}: {calls} calls for 256 requests");

        case.store.heal_all();
        case.is_back().await;
        assert!(case.statuses("/read").await.iter().all(|status| *status == 200));
        let lines = told(&log).split_off(before);
        assert_eq!(count(&lines, "session store is down"), 1, "{lines:#?}");
        assert_eq!(count(&lines, "session store is up again"), 1, "{lines:#?}");
        assert!(lines.len() <= 4, "two failures that came before it was sure: {lines:#?}");
        let up = lines.iter().find(|line| line.contains("up again")).expect("counted");
        let refused = up.split("session.count=").nth(1).and_then(|rest| rest.split(' ').next());
        let refused: usize = refused.and_then(|it| it.parse().ok()).expect("a number");
        assert!(refused >= 4 * CLIENTS, "{up}");
        let down = lines.iter().find(|line| line.contains("store is down")).expect("counted");
        let expected = if fault == Fault::Held { "longer than 50ms" } else { "(code 111)" };
        assert!(down.contains(expected) && down.contains("ERROR"), "{down}");
    }
}

#[tokio::test]
async fn a_session_that_alone_is_slow_is_refused_to_nobody() {
    let log = Log::of_this_thread();
    let case = Case::stored().await;
    case.store.fault(Verb::Load, Fault::Held);
    for _ in 0..6 {
        assert_eq!(case.clients[0].get("/read").await.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    case.store.heal(Verb::Load);
    // At once, and not after the next try.
    assert!(case.statuses("/read").await.iter().all(|status| *status == 200));
    assert_eq!(count(&told(&log), "session store is down"), 0);
}

#[tokio::test]
async fn what_the_store_itself_answers_opens_no_breaker() {
    let log = Log::of_this_thread();
    let case = Case::stored().await;
    case.store.fault_all(Fault::Down);
    assert!(case.statuses("/set").await.iter().all(|status| *status == 503));
    case.store.heal_all();
    assert!(case.statuses("/read").await.iter().all(|status| *status == 200));
    assert_eq!(count(&told(&log), "session store is down"), 0);
}

#[tokio::test]
async fn sessions_in_their_tokens_notice_that_their_revocation_store_is_down() {
    let log = Log::of_this_thread();
    let case =
        Case::start::<Sealed>(|builder, store| builder.revocation(store).deadline(SHORT)).await;
    case.store.fault_all(Fault::Held);
    // What is known of the floor is good for a second.
    eventually("nobody is served", async || {
        case.statuses("/end").await.iter().all(|status| *status == 503)
    })
    .await;
    assert!(case.statuses("/end").await.iter().all(|status| *status == 503));
    case.store.heal_all();
    case.is_back().await;
    assert_eq!(count(&told(&log), "session store is down"), 1);
}

#[tokio::test]
async fn degraded_requests_of_an_outage_are_not_logged_one_by_one() {
    let log = Log::of_this_thread();
    let case = Case::start::<Stored>(|builder, store| {
        builder.store(store).deadline(SHORT).on_store_error(OnStoreError::Degrade)
    })
    .await;
    case.store.fault_all(Fault::Unreachable);
    assert!(case.statuses("/read").await.iter().all(|status| *status == 200));
    assert!(case.statuses("/set").await.iter().all(|status| *status == 503));
    assert!(told(&log).len() <= 3, "{:#?}", told(&log));
}

#[tokio::test]
async fn more_requests_than_may_wait_are_refused_at_once() {
    let log = Log::of_this_thread();
    let case = Case::start::<Stored>(|builder, store| {
        builder.store(store).deadline(Duration::from_secs(600)).max_waiting(8)
    })
    .await;
    case.store.fault(Verb::Load, Fault::Held);
    let mut requests = JoinSet::new();
    for client in case.clients.iter().map(Client::fork) {
        requests.spawn(async move { client.get("/read").await.status.as_u16() });
    }
    for _ in 0..CLIENTS - 8 {
        let refused = requests.join_next().await.expect("one more").expect("no panic");
        assert_eq!(refused, 503);
    }
    case.store.heal(Verb::Load);
    assert_eq!(requests.join_all().await, vec![200; 8]);
    assert_eq!(told(&log).len(), 1, "{:#?}", told(&log));
    assert!(told(&log)[0].contains("8 operations wait"), "{:#?}", told(&log));
}

#[tokio::test]
async fn every_503_says_when_to_come_again() {
    async fn retry_after<T: SessionType + Themed>(
        path: &str,
        fault: (Verb, Fault),
        adjust: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
    ) -> (u16, Option<String>) {
        let store = spy(MemoryStore::default());
        let server = Server::start(routes(store.clone(), adjust)).await;
        let client = Client::new(&server);
        client.get("/set").await;
        store.fault(fault.0, fault.1);
        let reply = client.get(path).await;
        let value = reply.headers.get(RETRY_AFTER);
        let value = value.map(|value| value.to_str().expect("digits").to_owned());
        (reply.status.as_u16(), value)
    }
    let second = (503, Some("1".to_owned()));
    let plain = |builder: SessionLayerBuilder<Stored>, store| builder.store(store);
    let page = |builder: SessionLayerBuilder<Stored>, store| {
        builder.store(store).error_pages(|error: &Error| error.to_string())
    };
    let later = |builder: SessionLayerBuilder<Stored>, store| {
        builder.store(store).error_pages(|_: &Error| {
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "30")], "later").into_response()
        })
    };
    for fault in [Fault::Down, Fault::Unreachable] {
        // From an extractor, and from a commit.
        for (path, operation) in [("/read", Verb::Load), ("/end", Verb::Remove)] {
            let fault = (operation, fault);
            assert_eq!(retry_after(path, fault, plain).await, second);
            assert_eq!(retry_after(path, fault, page).await, second);
            assert_eq!(retry_after(path, fault, later).await, (503, Some("30".to_owned())));
        }
    }
}

#[tokio::test]
async fn an_end_while_the_store_is_down_is_no_success_and_the_session_lives_on() {
    let case = Case::stored().await;
    case.store.fault_all(Fault::Unreachable);
    case.statuses("/read").await;
    case.store.take_calls();
    let reply = case.clients[0].get("/end").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (503, 0));
    case.store.heal_all();
    case.is_back().await;
    assert_eq!(case.clients[0].get("/read").await.body, "dark");
    drop(case.server);
}
