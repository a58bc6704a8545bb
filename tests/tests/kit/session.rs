//! Sessions without HTTP: they are live sessions with what the test has said, for handlers, guards
//! and routers without a layer.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::FromRequestParts as _, http::StatusCode, routing::get};
use session_runtime::{
    KeyRing, Principal, Saved, Session, SessionLayer, assert_session,
    clock::ManualClock,
    store::MemoryStore,
    testing::{self, FailingStore, Fault, TestSession as _, Verb},
};
use tower::ServiceExt as _;

#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize, Principal)]
struct Account {
    #[principal(id)]
    id: u64,
    name: String,
}

#[derive(Default, Session)]
struct Shop {
    #[session(principal, extract = "CurrentUser")]
    user: Option<Account>,
    cart: Vec<u32>,
    #[session(counter)]
    visits: i64,
    #[session(flash)]
    notice: Option<String>,
    #[session(clear_on_login)]
    coupon: Option<String>,
    #[session(merge = "max")]
    best: u32,
    #[session(secret)]
    pin: Option<String>,
    #[session(skip)]
    trace: String,
}

#[derive(Default, Session)]
#[session(payload = "sealed")]
struct Sealed {
    #[session(principal)]
    user: Option<String>,
    theme: String,
}

fn ann() -> Account {
    Account { id: 7, name: "ann".to_owned() }
}

fn full() -> Shop {
    Shop {
        user: Some(ann()),
        cart: vec![1, 2],
        visits: 5,
        notice: Some("Hello.".to_owned()),
        coupon: Some("X1".to_owned()),
        best: 9,
        pin: Some("1234".to_owned()),
        trace: "here".to_owned(),
    }
}

fn visit(session: &Session<Shop>) -> Option<String> {
    session.add_visits(1);
    session.push_cart(3);
    session.take_notice()
}

#[tokio::test]
async fn a_handler_sees_what_the_struct_says_and_the_test_sees_what_the_handler_wrote() {
    let session = testing::session(full());
    assert!(!session.is_new() && session.is_live().await.expect("a store in memory"));
    assert_session!(
        session,
        user == Some(ann()),
        cart == [1, 2],
        visits == 5,
        coupon.as_deref() == Some("X1"),
        best == 9,
        trace == "here",
    );
    assert_eq!(visit(&session.clone()).as_deref(), Some("Hello."));
    assert_session!(session, cart == [1, 2, 3], visits == 6, notice == None);
    assert_eq!(session.save().await.expect("a store in memory"), Saved::Updated);
    session.transact(|shop| shop.add_visits(1)).await.expect("a store in memory");
    assert_session!(session, cart == [1, 2, 3], visits == 7, pin.as_deref() == Some("1234"));
}

#[test]
fn a_session_needs_no_runtime_and_nothing_in_it() {
    let session = testing::session(Shop::default());
    assert!(!session.is_new() && session.session_token().is_some());
    let visitor = testing::visitor::<Shop>();
    assert!(visitor.is_new() && visitor.session_token().is_none());
}

#[tokio::test]
async fn a_payload_in_the_token_is_tested_as_one_in_a_store() {
    let session = testing::session(Sealed { user: None, theme: "dark".to_owned() });
    assert!(session.is_live().await.expect("no store is asked"));
    let session = session.logged_in("ann");
    assert_session!(session, user.as_deref() == Some("ann"), theme == "dark");
}

#[tokio::test]
async fn somebody_is_logged_in_by_the_struct_as_by_the_call() {
    let called = testing::session(Shop { user: None, ..full() }).logged_in(ann());
    for session in [testing::session(full()), called] {
        // Only for another principal are the fields cleared, and only by a log-in is the coupon.
        assert_session!(session, user == Some(ann()), coupon.as_deref() == Some("X1"), visits == 5);
        session.log_in(Account { name: "Ann".to_owned(), ..ann() });
        assert_session!(session, visits == 5);
        session.log_in(Account { id: 8, name: "bob".to_owned() });
        assert_session!(session, visits == 0);
        session.save().await.expect("a store in memory");
        session.log_out();
        assert_eq!(session.save().await.expect("a store in memory"), Saved::Ended);
    }
}

#[tokio::test]
async fn a_replaced_session_keeps_its_principal() {
    let session = testing::session(full());
    session.replace(Shop { visits: 1, ..Shop::default() });
    assert_session!(session, user == Some(ann()), visits == 1);
}

#[tokio::test]
async fn guards_and_routers_without_a_layer_take_the_session() {
    let session = testing::visitor::<Shop>().logged_in(ann());
    let guard = CurrentUser::from_request_parts(&mut testing::parts(&session), &()).await;
    assert_eq!(guard.expect("somebody is logged in").name, "ann");
    let nobody = testing::visitor::<Shop>();
    let refused = CurrentUser::from_request_parts(&mut testing::parts(&nobody), &()).await;
    assert_eq!(refused.expect_err("nobody is").status(), StatusCode::UNAUTHORIZED);

    let app: Router = Router::new()
        .route("/", get(async |s: Session<Shop>, _: CurrentUser| s.add_visits(1)))
        .route("/none", get(async |s: Option<Session<Shop>>| s.is_none().to_string()));
    let request = testing::request(&session).uri("/").body(Body::empty()).expect("a request");
    let response = app.clone().oneshot(request).await.expect("a router never fails");
    assert_eq!((response.status(), session.visits()), (StatusCode::OK, 1));
    let request = testing::request(&nobody).uri("/").body(Body::empty()).expect("a request");
    let response = app.oneshot(request).await.expect("a router never fails");
    assert_eq!((response.status(), nobody.visits()), (StatusCode::UNAUTHORIZED, 0));
}

#[tokio::test]
async fn a_session_of_a_layer_has_its_clock_and_its_store() {
    let clock = Arc::new(ManualClock::default());
    let store = FailingStore::new(MemoryStore::default());
    let layer = SessionLayer::<Shop>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .clock(Arc::clone(&clock))
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let session = testing::session_in(&layer, full());
    let listed = layer.sessions().of(&7).list(None).await.expect("a store in memory");
    assert_eq!(listed.sessions.len(), 1, "under the id of the principal");
    clock.advance(Duration::from_secs(3600));
    assert!(!session.is_live().await.expect("a store in memory"));
    store.fault(Verb::Load, Fault::Down);
    assert!(session.is_live().await.expect_err("the store is down").is_unavailable());
}

#[test]
fn a_session_that_cannot_be_stored_says_why() {
    let store = FailingStore::new(MemoryStore::default());
    let layer =
        SessionLayer::<Shop>::new(store.clone(), KeyRing::ephemeral().expect("random bytes"))
            .expect("a sound configuration");
    let told = |fault| {
        store.fault_all(fault);
        let panicked = catch_unwind(AssertUnwindSafe(|| testing::session_in(&layer, full())));
        *panicked.expect_err("there is no session").downcast::<String>().expect("a message")
    };
    assert!(told(Fault::Down).contains("the store is down"));
}
