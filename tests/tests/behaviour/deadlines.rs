//! How long a store may take to read and to write, each on its own.

use std::time::Duration;

use axum::{Router, routing::get};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, store::MemoryStore,
};
use tests::{Client, Fault, Server, Spy, Verb, sessions::Stored, spy};

const SHORT: Duration = Duration::from_millis(30);
/// Longer than that; and so much longer that a machine that is busy is still short of it.
const SLOW: Duration = Duration::from_millis(100);
const SLOWEST: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(60);

fn builder(store: Spy<MemoryStore>) -> SessionLayerBuilder<Stored> {
    let keys = KeyRing::ephemeral().expect("random bytes");
    SessionLayer::<Stored>::builder(keys).store(store)
}

/// The statuses of a load, a commit and an insert that take longer than `SHORT`. Where no answer is
/// expected before that, they take longer than any machine does to notice.
async fn statuses(
    adjust: impl FnOnce(SessionLayerBuilder<Stored>) -> SessionLayerBuilder<Stored>,
    expected: [u16; 3],
) -> [u16; 3] {
    let [load_fault, commit_fault, insert_fault] =
        expected.map(|status| Fault::Slow(if status == 200 { SLOW } else { SLOWEST }));
    let store = spy(MemoryStore::default());
    let layer = adjust(builder(store.clone())).build().expect("a sound configuration");
    let routes = Router::new()
        .route("/set", get(async |s: Session<Stored>| s.update_theme(|theme| theme.push('x'))))
        .route("/read", get(async |s: Session<Stored>| s.theme().clone()));
    let server = Server::start(routes.layer(layer)).await;
    let client = Client::new(&server);
    store.fault(Verb::Insert, insert_fault);
    let insert = Client::new(&server).get("/set").await.status.as_u16();
    store.heal(Verb::Insert);
    client.get("/set").await;
    store.fault(Verb::Load, load_fault);
    let load = client.get("/read").await.status.as_u16();
    store.heal(Verb::Load);
    store.fault(Verb::Replace, commit_fault);
    [load, client.get("/set").await.status.as_u16(), insert]
}

#[tokio::test]
async fn reads_and_writes_have_deadlines_of_their_own() {
    let [load, commit, both, neither] =
        [[503, 200, 200], [200, 503, 503], [503, 503, 503], [200, 200, 200]];
    let found = tokio::join!(
        statuses(|builder| builder.load_deadline(SHORT).commit_deadline(LONG), load),
        statuses(|builder| builder.load_deadline(LONG).commit_deadline(SHORT), commit),
        statuses(|builder| builder.load_deadline(LONG).deadline(SHORT), both),
        statuses(|builder| builder.deadline(SHORT).deadline(LONG), neither),
    );
    assert_eq!(found, (load, commit, both, neither));
}

#[test]
fn a_deadline_of_nothing_is_refused_at_start() {
    let refused = |adjust: fn(SessionLayerBuilder<Stored>) -> SessionLayerBuilder<Stored>| {
        let error: Error =
            adjust(builder(spy(MemoryStore::default()))).build().expect_err("refused");
        assert!(error.is_config());
        error.to_string()
    };
    assert!(refused(|builder| builder.load_deadline(Duration::ZERO)).contains("`load_deadline`"));
    let message = refused(|builder| builder.commit_deadline(Duration::from_micros(999)));
    assert!(message.contains("`commit_deadline`"), "{message}");
}
