//! Sessions that are opened outside of their client's request: what is written there, what is no
//! use, and what is an error.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Path, routing::get};
use serde::{Deserialize, Serialize};
use session_runtime::{
    KeyRing, Principal, Saved, Session, SessionId, SessionLayer, SessionLayerBuilder, Sessions,
    clock::ManualClock, policy::OnStoreError, store::MemoryStore,
};
use tests::{Client, Fault, Log, Server, Spy, Verb, sessions::Sealed, spy};

#[derive(Principal, Clone, Serialize, Deserialize)]
struct User {
    #[principal(id)]
    id: u32,
    role: String,
}

#[derive(Session)]
#[session(name = "s", namespace = "s", prefix = "none", idle = "30m", absolute = "12h")]
struct Shop {
    #[session(principal)]
    user: Option<User>,
    #[session(flash)]
    notice: Option<String>,
    #[session(secret)]
    code: Option<String>,
    #[session(merge = "cas")]
    balance: i64,
    note: String,
    cart: Vec<u32>,
    #[session(listed)]
    device: String,
    #[session(listed, counter)]
    visits: i64,
}

/// Another version of the program, where a device is a number.
#[derive(Session)]
#[session(name = "s", namespace = "s", prefix = "none")]
struct Other {
    #[session(principal)]
    user: Option<u32>,
    #[session(listed)]
    device: u32,
    #[session(listed, counter)]
    visits: i64,
}

struct Case {
    server: Server,
    sessions: Sessions<Shop>,
    clock: Arc<ManualClock>,
    store: Spy<MemoryStore>,
    keys: KeyRing,
}

impl Case {
    async fn new(
        with: impl FnOnce(SessionLayerBuilder<Shop>) -> SessionLayerBuilder<Shop>,
    ) -> Self {
        let (clock, store) = (Arc::new(ManualClock::default()), spy(MemoryStore::default()));
        let keys = KeyRing::ephemeral().expect("random bytes");
        let builder = SessionLayer::<Shop>::builder(keys.clone())
            .store(store.clone())
            .clock(Arc::clone(&clock))
            .insecure_dev();
        let layer = with(builder).build().expect("a sound configuration");
        let sessions = layer.sessions();
        let routes = Router::new()
            .route(
                "/log-in/{id}",
                get(async |session: Session<Shop>, Path(id): Path<u32>| {
                    session.log_in(User { id, role: "guest".to_owned() });
                    session.set_device("a telephone".to_owned());
                    session.add_visits(3);
                    session.session_id().to_string()
                }),
            )
            .route(
                "/show",
                get(async |s: Session<Shop>| {
                    let role = s.user().map_or("nobody", |user| &user.role).to_owned();
                    let notice = s.take_notice().unwrap_or_default();
                    format!("{role}|{notice}|{}|{:?}|{}", s.note(), s.cart(), s.balance())
                }),
            )
            .route("/begin", get(async |s: Session<Shop>| s.set_device("a desk".to_owned())))
            .route("/push", get(async |s: Session<Shop>| s.push_cart(1)))
            .route("/code", get(async |s: Session<Shop>| s.set_code("1234".to_owned())))
            .route("/rotate", get(async |s: Session<Shop>| s.rotate()))
            .route("/log-out", get(async |s: Session<Shop>| s.log_out()))
            .route(
                "/info",
                get(async |s: Session<Shop>| {
                    let info = s.info();
                    assert!(info.current, "of this request");
                    let (left, listed) = (info.remaining.as_secs(), info.listed);
                    format!(
                        "{} {} {left} {} {}",
                        info.id,
                        info.logged_in.is_some(),
                        listed.device,
                        listed.visits
                    )
                }),
            );
        Self { server: Server::start(routes.layer(layer)).await, sessions, clock, store, keys }
    }

    /// Logs in, and returns the client with the id of its session.
    async fn client(&self, user: u32) -> (Client, SessionId) {
        let client = Client::new(&self.server);
        let id = client.get(&format!("/log-in/{user}")).await.body;
        (client, id.parse().expect("a session id"))
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_a_job_writes_is_in_each_of_the_users_sessions_and_is_no_use() {
    for at_rest in [false, true] {
        let case =
            Case::new(|builder| if at_rest { builder.encrypt_at_rest() } else { builder }).await;
        let [(one, id), (two, _)] = [case.client(7).await, case.client(7).await];
        let (other, _) = case.client(8).await;
        let before = case.sessions.of(&7).list(None).await.expect("listed").sessions;
        case.clock.advance(10 * MINUTE);
        let changed =
            case.sessions.of(&7).change(|shop| shop.set_notice("On its way.".to_owned())).await;
        assert_eq!(changed.expect("the store works"), 2);
        let after = case.sessions.of(&7).list(None).await.expect("listed").sessions;
        let seen = |list: &[session_runtime::SessionInfo<Shop>]| -> Vec<_> {
            list.iter().map(|it| (it.id, it.last_seen)).collect()
        };
        assert_eq!(seen(&before), seen(&after), "a job is no use");
        case.clock.advance(19 * MINUTE);
        assert_eq!(one.get("/show").await.body, "guest|On its way.||[]|0");
        assert_eq!(one.get("/show").await.body, "guest|||[]|0", "shown once");
        assert_eq!(other.get("/show").await.body, "guest|||[]|0");
        case.clock.advance(2 * MINUTE);
        assert_eq!(two.get("/show").await.body, "nobody|||[]|0", "nobody used it for 31 minutes");
        assert_eq!(case.sessions.of(&7).list(None).await.expect("listed").sessions.len(), 1);
        assert!(case.sessions.open(&id).await.expect("the store works").is_some());
    }
}

#[tokio::test]
async fn a_touch_of_a_detached_session_is_a_use() {
    let case = Case::new(|builder| builder).await;
    let (client, id) = case.client(7).await;
    case.clock.advance(20 * MINUTE);
    let session = case.sessions.open(&id).await.expect("the store works").expect("live");
    assert_eq!(session.info().remaining, 10 * MINUTE);
    assert!(!session.info().current);
    session.touch();
    assert_eq!(session.save().await.expect("saved"), Saved::Updated);
    assert_eq!(session.info().remaining, 30 * MINUTE);
    case.clock.advance(20 * MINUTE);
    assert_eq!(client.get("/show").await.body, "guest|||[]|0");
}

#[tokio::test]
async fn what_is_saved_merges_with_what_the_client_writes_meanwhile() {
    let case = Case::new(|builder| builder).await;
    let (client, id) = case.client(7).await;
    let session = case.sessions.open(&id).await.expect("the store works").expect("live");
    assert_eq!(session.save().await.expect("saved"), Saved::Unchanged);
    client.get("/push").await;
    session.push_cart(2);
    session.set_note("seen".to_owned());
    assert_eq!(session.save().await.expect("saved"), Saved::Updated);
    assert_eq!(client.get("/show").await.body, "guest||seen|[1, 2]|0");
    let spent = session.transact(|shop| {
        shop.set_balance(shop.balance() + 5);
        shop.cart().len()
    });
    assert_eq!(spent.await.expect("saved"), 2, "on a fresh load");
    assert_eq!(session.balance(), 5);
    let refused = session.try_transact(|shop| {
        shop.set_balance(9);
        Err::<(), _>(Refused)
    });
    assert!(refused.await.is_err());
    assert_eq!(client.get("/show").await.body, "guest||seen|[1, 2]|5");
}

#[derive(Debug)]
struct Refused;

impl From<session_runtime::Error> for Refused {
    fn from(error: session_runtime::Error) -> Self {
        panic!("the store works: {error}")
    }
}

#[tokio::test]
async fn a_write_to_a_session_that_is_over_is_an_error() {
    for expires in [false, true] {
        let case = Case::new(|builder| builder).await;
        let (client, id) = case.client(7).await;
        let session = case.sessions.open(&id).await.expect("the store works").expect("live");
        let second = case.sessions.open(&id).await.expect("the store works").expect("live");
        assert!(session.is_live().await.expect("the store works"));
        if expires {
            case.clock.advance(31 * MINUTE);
        } else {
            client.get("/log-out").await;
        }
        assert!(!session.is_live().await.expect("the store works"));
        session.set_note("too late".to_owned());
        assert!(session.save().await.expect_err("over").is_gone());
        assert!(session.save().await.expect_err("the change is lost").is_gone());
        session.set_note("too late again".to_owned());
        assert!(session.save().await.expect_err("over").is_gone());
        let transacted = second.transact(|shop| shop.set_note("too late".to_owned())).await;
        assert!(transacted.expect_err("over").is_gone());
        let changed = case.sessions.change(&id, |shop| shop.set_note("too late".to_owned())).await;
        assert!(changed.expect_err("over").is_gone());
        assert!(case.sessions.open(&id).await.expect("the store works").is_none());
    }
}

/// A store that is down for a moment must not look like an end.
#[tokio::test]
async fn what_cannot_be_loaded_is_an_error_and_no_end_under_degrade() {
    let case = Case::new(|builder| builder.on_store_error(OnStoreError::Degrade)).await;
    let (client, id) = case.client(7).await;
    let session = case.sessions.open(&id).await.expect("the store works").expect("live");
    case.store.fault(Verb::Load, Fault::Down);
    let errors = [
        session.transact(|shop| shop.set_note("a".to_owned())).await.expect_err("down"),
        case.sessions.open(&id).await.map(drop).expect_err("down"),
        case.sessions.change(&id, |shop| shop.set_note("b".to_owned())).await.expect_err("down"),
    ];
    for error in errors {
        assert!(error.is_unavailable() && !error.is_gone(), "{error}");
    }
    case.store.heal(Verb::Load);
    assert_eq!(client.get("/show").await.body, "guest|||[]|0");
    session.transact(|shop| shop.set_note("c".to_owned())).await.expect("up again");
    assert_eq!(client.get("/show").await.body, "guest||c|[]|0");
}

#[tokio::test]
async fn a_new_credential_of_the_client_is_no_end_and_another_user_is() {
    let case = Case::new(|builder| builder).await;
    let (client, id) = case.client(7).await;
    let session = case.sessions.open(&id).await.expect("the store works").expect("live");
    client.get("/rotate").await;
    assert!(session.is_live().await.expect("the store works"));
    session.set_note("kept".to_owned());
    session.save().await.expect("the same session");
    assert_eq!(client.get("/show").await.body, "guest||kept|[]|0");
    client.get("/log-in/8").await;
    assert!(!session.is_live().await.expect("the store works"));
    session.set_note("of somebody else".to_owned());
    assert!(session.save().await.expect_err("another user").is_gone());
    assert_eq!(client.get("/show").await.body, "guest|||[]|0");

    // A visitor who logs in stays the same person.
    let visitor = Client::new(&case.server);
    visitor.get("/begin").await;
    let text = visitor.get("/info").await.body;
    let id = text.split(' ').next().expect("the id").parse().expect("a session id");
    let session = case.sessions.open(&id).await.expect("the store works").expect("live");
    visitor.get("/log-in/9").await;
    session.set_note("of the visitor".to_owned());
    session.save().await.expect("the same session");
    assert_eq!(visitor.get("/show").await.body, "guest||of the visitor|[]|0");
}

#[tokio::test]
async fn another_role_reaches_the_next_request_and_another_id_is_an_error() {
    let case = Case::new(|builder| builder).await;
    let (client, id) = case.client(7).await;
    let users = case.sessions.of(&7);
    let changed = users.change(|shop| shop.update_user(|user| user.role = "admin".to_owned()));
    assert_eq!(changed.await.expect("the same user"), 1);
    assert_eq!(client.get("/show").await.body, "admin|||[]|0");
    let changed = case.sessions.change(&id, |shop| shop.update_user(|user| user.id = 8)).await;
    assert!(changed.expect_err("another id").to_string().contains("who is logged in"));
    assert_eq!(client.get("/show").await.body, "admin|||[]|0");
    assert_eq!(users.count().await.expect("counted"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_runs_again_after_a_lost_race() {
    let case = Case::new(|builder| builder).await;
    let (client, id) = case.client(7).await;
    let runs = AtomicU32::new(0);
    let changed = case.sessions.change(&id, |shop| {
        if runs.fetch_add(1, Ordering::SeqCst) == 0 {
            // The client is in between, once.
            let runtime = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| runtime.block_on(client.get("/push")));
        }
        shop.set_note(format!("{} in the cart", shop.cart().len()));
        shop.cart().len()
    });
    assert_eq!(changed.await.expect("at the second attempt"), 1);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert_eq!(client.get("/show").await.body, "guest||1 in the cart|[1]|0");
}

#[tokio::test]
async fn a_change_of_one_session_costs_a_load_and_a_commit() {
    let case = Case::new(|builder| builder).await;
    let (_client, id) = case.client(7).await;
    case.store.take_calls();
    case.sessions.change(&id, |shop| shop.push_cart(1)).await.expect("changed");
    assert_eq!(case.store.take_calls(), ["load", "replace"]);
    case.sessions.of(&7).change(|shop| shop.push_cart(1)).await.expect("changed");
    assert_eq!(case.store.take_calls(), ["list", "replace"]);
}

#[tokio::test]
async fn secret_fields_are_read_and_claimed_and_a_claim_is_no_use() {
    let case = Case::new(|builder| builder).await;
    let (client, id) = case.client(7).await;
    client.get("/code").await;
    case.clock.advance(10 * MINUTE);
    client.get("/rotate").await;
    case.clock.advance(10 * MINUTE);
    let session = case.sessions.open(&id).await.expect("the store works").expect("live");
    let other = case.sessions.open(&id).await.expect("the store works").expect("live");
    assert_eq!(session.code().map(String::as_str), Some("1234"));
    client.get("/rotate").await;
    case.clock.advance(5 * MINUTE);
    let claims = [session.claim_code().await, other.claim_code().await];
    assert_eq!(claims.map(|claim| claim.expect("the store works").is_some()), [true, false]);
    let left = case.sessions.of(&7).list(None).await.expect("listed").sessions[0].remaining;
    assert_eq!(left, 25 * MINUTE);
}

#[tokio::test]
async fn what_is_dropped_unsaved_is_told() {
    let log = Log::of_this_thread();
    let case = Case::new(|builder| builder).await;
    let (_client, id) = case.client(7).await;
    let told = || log.text().matches("was dropped with changes that were not saved").count();
    let open = async || case.sessions.open(&id).await.expect("the store works").expect("live");
    let session = open().await;
    session.set_note("saved".to_owned());
    session.save().await.expect("saved");
    drop(session);
    let session = open().await;
    assert_eq!(session.note(), "saved");
    drop(session);
    case.sessions.change(&id, |shop| shop.push_cart(1)).await.expect("changed");
    assert_eq!(told(), 0);
    open().await.set_note("not saved".to_owned());
    assert_eq!(told(), 1);
    open().await.touch();
    assert_eq!(told(), 2);
    let text = log.text();
    let line = text.lines().find(|line| line.contains("not saved")).expect("told");
    assert!(line.contains("WARN") && line.contains(&id.to_string()), "{line}");
}

#[tokio::test]
async fn a_token_opens_the_session_that_a_request_would_find() {
    let case = Case::new(|builder| builder).await;
    let (client, id) = case.client(7).await;
    let token = client.cookie("s").expect("a token");
    let session = case.sessions.open_token(&token).await.expect("the store works").expect("live");
    assert_eq!(session.session_id(), id);
    for broken in ["", "no token", &token[1..]] {
        let opened = case.sessions.open_token(broken).await.expect("the store works");
        assert!(opened.is_none(), "{broken}");
    }
    client.get("/rotate").await;
    assert!(case.sessions.open_token(&token).await.expect("the store works").is_none());
}

#[tokio::test]
async fn a_payload_in_the_token_is_out_of_reach_and_the_error_says_so() {
    let layer = SessionLayer::<Sealed>::builder(KeyRing::ephemeral().expect("random bytes"))
        .accept_replay_until_expiry()
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let (sessions, id) = (layer.sessions(), "0".repeat(32).parse().expect("a session id"));
    let errors = [
        sessions.open(&id).await.expect_err("no store"),
        sessions.open_token("token").await.expect_err("no store"),
        sessions.change(&id, |_| ()).await.expect_err("no store"),
    ];
    for error in errors {
        assert!(error.to_string().contains("payload = \"server\""), "{error}");
    }
    assert!(sessions.of(&"ada".to_owned()).change(|_| ()).await.is_err());
    let error = sessions.of(&"ada".to_owned()).list(None).await.expect_err("no store");
    assert!(error.to_string().contains("cannot be listed"), "{error}");
}

#[tokio::test]
async fn lists_and_the_handle_show_the_listed_fields() {
    for at_rest in [false, true] {
        let case =
            Case::new(|builder| if at_rest { builder.encrypt_at_rest() } else { builder }).await;
        let (client, id) = case.client(7).await;
        case.clock.advance(MINUTE / 2);
        let listed = case.sessions.of(&7).list(None).await.expect("listed").sessions;
        let info = &listed[0];
        assert_eq!((info.listed.device.as_str(), info.listed.visits), ("a telephone", 3));
        assert_eq!((info.id, info.current), (id, false));
        assert_eq!(info.remaining, Duration::from_secs(29 * 60 + 30));
        assert_eq!(info.expires_at, info.last_seen + 30 * MINUTE);
        assert_eq!(info.logged_in, Some(info.created));
        let debug = format!("{info:?}");
        assert!(debug.contains("device") && !debug.contains("telephone"), "{debug}");
        let shown = client.get("/info").await.body;
        assert_eq!(shown, format!("{id} true 1770 a telephone 3"));
        let visitor = Client::new(&case.server).get("/info").await.body;
        assert!(visitor.ends_with(" false 1800  0"), "{visitor}");
    }
}

#[tokio::test]
async fn a_listed_field_that_does_not_decode_is_its_default() {
    let case = Case::new(|builder| builder).await;
    case.client(7).await;
    let layer = SessionLayer::<Other>::builder(case.keys.clone())
        .as_another_program()
        .store(case.store.clone())
        .clock(Arc::clone(&case.clock))
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let listed = layer.sessions().of(&7).list(None).await.expect("listed").sessions;
    assert_eq!((listed[0].listed.device, listed[0].listed.visits), (0, 3));
}
