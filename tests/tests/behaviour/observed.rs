//! What an observer sees of requests: each search for a session, each commit and each operation of the
//! store, once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use session_runtime::{
    Key, KeyRing, Session, SessionId, SessionLayer, SessionLayerBuilder, Sessions,
    clock::{Clock as _, ManualClock},
    observe::{
        Commit, Eviction, NotEnded, Observer, Operation, Request, Rotation, StoreState, Sweep,
        Undecodable,
    },
    policy::OnMaxSessions,
    store::{
        Check, FieldValue, KeyId, Lifetime, MemoryStore, Meta, Namespace, Record, Selector,
        Store as _, StoreKey,
    },
};
use tests::{
    Client, Fault, Log, Server, Verb, eventually,
    sessions::{Case, Stored, routes},
};

use crate::gate::Gate;

#[derive(Debug, Session)]
#[session(name = "s", prefix = "none", idle = "30m", absolute = "12h", on_store_error = "fail")]
struct Seen {
    #[session(principal)]
    user: Option<String>,
    theme: String,
    cart: Vec<u32>,
    #[session(merge = "cas")]
    balance: i64,
    #[session(on_decode_error = "reject")]
    strict: u8,
    ratio: f64,
}

/// Notes each call as a line.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Returns the lines since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Notes {
    fn request(&self, request: &Request) {
        let Request { session_type, outcome, reason, .. } = request;
        let reason = reason.unwrap_or("-");
        self.note(format!("request {session_type} {} {reason}", outcome.as_str()));
    }

    fn commit(&self, commit: &Commit) {
        let Commit { session_type, result, error_type, .. } = commit;
        let error = error_type.unwrap_or("-");
        self.note(format!("commit {session_type} {} {error}", result.as_str()));
    }

    fn operation(&self, operation: &Operation) {
        let Operation { session_type, store, operation, error_type, duration, retries, .. } =
            operation;
        assert!(*duration < Duration::from_secs(60), "{duration:?}");
        let error = error_type.unwrap_or("-");
        self.note(format!("{operation} {session_type} {store} {error} {retries}"));
    }

    fn rotation(&self, rotation: &Rotation) {
        self.note(format!("rotation {} {}", rotation.session_type, rotation.log_in));
    }

    fn eviction(&self, eviction: &Eviction) {
        self.note(format!("eviction {} {}", eviction.session_type, eviction.sessions));
    }

    fn undecodable(&self, undecodable: &Undecodable) {
        self.note(format!("undecodable {} {}", undecodable.session_type, undecodable.field));
    }

    fn not_ended(&self, not_ended: &NotEnded) {
        self.note(format!("not ended {} {}", not_ended.session_type, not_ended.error_type));
    }

    fn store_state(&self, state: &StoreState) {
        let StoreState { session_type, store, is_up, .. } = state;
        self.note(format!("store {session_type} {store} {is_up}"));
    }

    fn sweep(&self, sweep: &Sweep) {
        let Sweep { session_type, store, removed, is_cut_short, .. } = sweep;
        self.note(format!("sweep {session_type} {store} {removed} {is_cut_short}"));
    }
}

async fn start(
    adjust: impl FnOnce(SessionLayerBuilder<Seen>) -> SessionLayerBuilder<Seen>,
) -> (Case, Notes, Gate) {
    let (notes, gate) = (Notes::default(), Gate::of(1));
    let act = |s: &Session<Seen>, action: &str| match action {
        "set" => s.set_theme("dark".to_owned()),
        "push" => s.push_cart(1),
        "spend" => s.update_balance(|balance| *balance += 1),
        "rotate" => s.rotate(),
        "login" => s.log_in("ada".to_owned()),
        "destroy" => s.destroy(),
        "no-number" => s.set_ratio(f64::NAN),
        _ => {}
    };
    let routes = Router::new()
        .route(
            "/do/{action}",
            get(async move |s: Session<Seen>, Path(action): Path<String>| {
                act(&s, &action);
                s.session_id().to_string()
            }),
        )
        .route(
            "/held/{action}",
            get(
                async move |s: Session<Seen>,
                            State(gate): State<Gate>,
                            Path(action): Path<String>| {
                    gate.hold().await;
                    act(&s, &action);
                },
            ),
        )
        .route(
            "/job/{id}",
            get(async |sessions: Sessions<Seen>, Path(id): Path<SessionId>| {
                sessions.change(&id, |session| session.push_cart(1)).await
            }),
        )
        .route("/strict", get(async |s: Session<Seen>| s.strict().to_string()))
        .with_state(gate.clone());
    let observer = notes.clone();
    let case =
        Case::start::<Seen>(routes, |builder| adjust(builder.observe(Arc::new(observer)))).await;
    assert_eq!(notes.take(), ["store seen memory true"]);
    (case, notes, gate)
}

#[tokio::test]
async fn each_request_is_seen_with_its_operations_and_its_commit() {
    let (case, notes, _) = start(|builder| builder).await;
    let client = Client::new(&case.server);
    client.get("/do/nothing").await;
    assert_eq!(notes.take(), ["request seen no_token -"]);
    client.get("/do/set").await;
    assert_eq!(
        notes.take(),
        [
            "request seen no_token -",
            "floor seen memory - 0",
            "insert seen memory - 0",
            "commit seen created -"
        ]
    );
    client.get("/do/nothing").await;
    assert_eq!(notes.take(), ["load seen memory - 0", "request seen live -"]);
    let load = ["load seen memory - 0", "request seen live -", "commit seen memory - 0"];
    for (action, then) in [
        ("push", &["commit seen changed -"][..]),
        ("rotate", &["rotation seen false", "commit seen changed -"]),
    ] {
        client.get(&format!("/do/{action}")).await;
        assert_eq!(notes.take(), [&load[..], then].concat(), "{action}");
    }
    client.get("/do/login").await;
    assert_eq!(
        notes.take(),
        [
            "load seen memory - 0",
            "request seen live -",
            "floor seen memory - 0",
            "commit seen memory - 0",
            "rotation seen true",
            "commit seen changed -"
        ]
    );
    assert_eq!(client.get("/do/no-number").await.status, 422);
    assert_eq!(notes.take()[2..], ["commit seen failed encode"]);
    let id = client.get("/do/nothing").await.body;
    notes.take();
    // What is no request is seen by its operations and its commit alone.
    assert_eq!(client.blank().get(&format!("/job/{id}")).await.status, 200);
    assert_eq!(
        notes.take(),
        ["load seen memory - 0", "commit seen memory - 0", "commit seen changed -"]
    );
    let old = client.fork();
    client.get("/do/destroy").await;
    assert_eq!(notes.take()[2..], ["remove seen memory - 0", "commit seen ended -"]);
    old.get("/do/nothing").await;
    assert_eq!(notes.take(), ["load seen memory - 0", "request seen refused unknown"]);
    client.set_cookie("s", "junk");
    client.get("/do/nothing").await;
    assert_eq!(notes.take(), ["request seen refused malformed"]);
}

#[tokio::test]
async fn the_events_of_a_request_are_inside_of_its_spans() {
    let log = Log::of_this_thread();
    let (case, _, _) = start(|builder| builder).await;
    let client = Client::new(&case.server);
    client.get("/do/set").await;
    let id = client.get("/do/push").await.body;
    let text = log.text();
    for (span, event) in [
        ("session.commit", "session.created"),
        ("session.load", "session.loaded"),
        ("session.commit", "session.committed"),
    ] {
        let inside = format!(
            "{span}{{session.type=\"seen\" session.id={id} session.store=\"memory\"}}: session_runtime: "
        );
        let name = format!("event.name=\"{event}\"");
        let found = text.lines().any(|line| line.contains(&inside) && line.contains(&name));
        assert!(found, "{inside}{name}\n{text}");
    }
}

#[tokio::test]
async fn a_store_that_fails_or_is_too_slow_is_seen_by_the_type_of_its_error() {
    let (case, notes, _) = start(|builder| builder.deadline(Duration::from_millis(30))).await;
    let client = Client::new(&case.server);
    client.get("/do/set").await;
    notes.take();
    case.store.fault(Verb::Load, Fault::Down);
    client.get("/do/nothing").await;
    assert_eq!(notes.take(), ["load seen memory store 0", "request seen failed store"]);
    case.store.fault(Verb::Load, Fault::Held);
    client.get("/do/nothing").await;
    assert_eq!(notes.take(), ["load seen memory deadline 0", "request seen failed deadline"]);
    case.store.heal(Verb::Load);
    case.store.fault(Verb::Replace, Fault::Down);
    client.get("/do/push").await;
    assert_eq!(notes.take()[2..], ["commit seen memory store 0", "commit seen failed store"]);
    case.store.heal(Verb::Replace);
}

#[tokio::test]
async fn a_log_out_that_did_not_happen_and_an_outage_are_seen() {
    let (case, notes, _) = start(|builder| builder).await;
    let clients = [(); 4].map(|()| Client::new(&case.server));
    for client in &clients {
        client.get("/do/set").await;
    }
    case.store.fault(Verb::Remove, Fault::Down);
    notes.take();
    assert_eq!(clients[0].get("/do/destroy").await.status, 503);
    assert!(notes.take().contains(&"not ended seen store".to_owned()));
    case.store.fault_all(Fault::Unreachable);
    let state = |line: &String| line.starts_with("store ");
    for client in &clients {
        client.get("/do/nothing").await;
    }
    let seen: Vec<_> = notes.take().into_iter().filter(state).collect();
    assert_eq!(seen, ["store seen memory false"]);
    case.store.heal_all();
    eventually("the store is up again", async || clients[1].get("/do/nothing").await.status == 200)
        .await;
    let seen: Vec<_> = notes.take().into_iter().filter(state).collect();
    assert_eq!(seen, ["store seen memory true"]);
}

#[tokio::test]
async fn parallel_commits_are_seen_as_retries_conflicts_and_losses() {
    let (case, notes, gate) = start(|builder| builder).await;
    let client = Client::new(&case.server);
    client.get("/do/set").await;
    for (action, between, expected) in [
        ("push", "push", ["commit seen memory - 1", "commit seen changed -"]),
        ("spend", "spend", ["commit seen memory - 1", "commit seen conflict conflict"]),
        ("push", "destroy", ["commit seen memory - 1", "commit seen lost -"]),
    ] {
        client.get("/do/set").await;
        gate.interleave(&client, format!("/held/{action}"), async {
            client.get(&format!("/do/{between}")).await;
            notes.take();
        })
        .await;
        assert_eq!(notes.take(), expected, "{action}");
    }
}

#[tokio::test]
async fn sessions_that_are_evicted_and_fields_that_do_not_decode_are_seen() {
    let (case, notes, _) = start(|builder| builder.max_sessions(1, OnMaxSessions::EndOldest)).await;
    let (first, second) = (Client::new(&case.server), Client::new(&case.server));
    first.get("/do/login").await;
    case.clock.advance(Duration::from_secs(1));
    second.get("/do/login").await;
    assert!(notes.take().contains(&"eviction seen 1".to_owned()));

    let id = second.get("/do/nothing").await.body;
    let selector = Selector::from_hex(&id).expect("a session id");
    let key = StoreKey { namespace: Namespace::new("seen"), selector };
    let record = case.store.load(&key).await.expect("in memory").expect("there");
    let mut damaged = (*record).clone();
    damaged.set("strict", FieldValue::Bytes(b"\"no number\"".to_vec().into()));
    let version = record.meta.revision;
    damaged.meta.revision += 1;
    case.store.replace(&key, version, Arc::new(damaged)).await.expect("in memory");
    notes.take();
    second.get("/strict").await;
    assert_eq!(
        notes.take(),
        ["load seen memory - 0", "undecodable seen strict", "request seen refused undecodable"]
    );
}

#[tokio::test]
async fn a_token_under_an_older_key_is_seen_until_it_is_made_anew() {
    #[derive(Default)]
    struct Older(Mutex<Vec<bool>>);

    impl Observer for Older {
        fn request(&self, request: &Request) {
            self.0.lock().expect("no panic").push(request.older_key);
        }
    }

    let (old, new) = (Key::generate().expect("random"), Key::generate().expect("random"));
    let (store, seen) = (MemoryStore::default(), Arc::new(Older::default()));
    let start = async |keys: String| {
        let layer = SessionLayer::<Stored>::builder(KeyRing::from_text(&keys).expect("keys"))
            .store(store.clone())
            .observe(Arc::clone(&seen))
            .as_another_program()
            .insecure_dev()
            .build()
            .expect("a sound configuration");
        Server::start(routes::<Stored>().layer(layer)).await
    };
    let (old, new) = (old.to_base64().to_string(), new.to_base64().to_string());
    let before = start(old.clone()).await;
    let client = Client::new(&before);
    client.get("/set").await;
    client.get("/read").await;
    let after = start(format!("{new},{old}")).await;
    let moved = client.moved(&after.url(""));
    moved.get("/read").await;
    let seen = seen.0.lock().expect("no panic");
    assert_eq!(*seen, [false, false, true]);
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn an_operation_tells_the_use_of_the_stores_pool() {
    use session_runtime::store::{PoolUse, SqlStore};

    #[derive(Default)]
    struct Pools(Mutex<Vec<Option<PoolUse>>>);

    impl Observer for Pools {
        fn operation(&self, operation: &Operation) {
            assert_eq!(operation.store, "sqlite");
            if operation.operation == "insert" {
                self.0.lock().expect("no panic").push(operation.pool);
            }
        }
    }

    let store = SqlStore::connect("sqlite::memory:").await.expect("in memory");
    let seen = Arc::new(Pools::default());
    let observer = Arc::clone(&seen);
    let case = Case::with::<Stored>(routes::<Stored>(), |builder, _| {
        builder.store(store).observe(observer)
    })
    .await;
    Client::new(&case.server).get("/set").await;
    let seen = seen.0.lock().expect("no panic");
    let [Some(pool)] = seen[..] else { panic!("{seen:?}") };
    assert!(pool.most >= 1 && pool.in_use + pool.idle <= pool.most, "{pool:?}");
    assert!(pool.in_use + pool.idle >= 1, "{pool:?}");
}

#[tokio::test]
async fn a_sweep_is_seen_once_with_the_number_of_sessions_that_it_removed() {
    let (store, clock) = (MemoryStore::default(), Arc::new(ManualClock::default()));
    let notes = Notes::default();
    let keys = KeyRing::ephemeral().expect("random bytes");
    let builder = SessionLayer::<Seen>::builder(keys).store(store.clone());
    let layer = builder.clock(Arc::clone(&clock)).observe(Arc::new(notes.clone())).build();
    let layer = layer.expect("settings of a test");

    let now = clock.now();
    let lifetime = Lifetime { idle_millis: None, absolute_until: now, persistent: false };
    let meta = Meta::new(Check::from_bytes([1; 16]), KeyId::from_bytes([1; 4]), now, lifetime);
    let selector = Selector::from_bytes([1; 16]);
    let key = StoreKey { namespace: Namespace::new("seen"), selector };
    store.insert(&key, Arc::new(Record::new(meta))).await.expect("in memory");
    clock.advance(Duration::from_secs(3600));
    layer.sweep().await.expect("in memory");
    assert_eq!(
        notes.take(),
        ["store seen memory true", "sweep seen memory - 0", "sweep seen memory 1 false"]
    );
}
