//! Guards that ask something of the value that is there: `validate` beside `extract`.

use axum::{Router, extract::Path, routing::get};
use serde::{Deserialize, Serialize};
use session_runtime::{
    Challenge, KeyRing, Principal, Session, SessionLayer, SessionLayerBuilder, store::MemoryStore,
};
use tests::{Client, Server};

#[derive(Principal, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    #[principal(id)]
    name: String,
    suspended: bool,
}

fn is_active(user: &User) -> bool {
    !user.suspended
}

#[derive(Session)]
#[session(name = "s", prefix = "none")]
struct Account {
    #[session(principal, extract = "CurrentUser", validate = is_active)]
    user: Option<User>,
    #[session(extract = "Admin", validate = |level: &u8| *level >= 9)]
    level: Option<u8>,
}

async fn start(
    adjust: impl FnOnce(SessionLayerBuilder<Account>) -> SessionLayerBuilder<Account>,
) -> Server {
    let builder = SessionLayer::<Account>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(MemoryStore::default())
        .insecure_dev();
    let routes = Router::new()
        .route(
            "/login/{name}/{suspended}",
            get(async |s: Session<Account>, Path((name, suspended)): Path<(String, bool)>| {
                s.log_in(User { name, suspended });
            }),
        )
        .route(
            "/level/{level}",
            get(async |s: Session<Account>, Path(level): Path<u8>| s.set_level(level)),
        )
        .route("/me", get(async |CurrentUser(user): CurrentUser| user.name))
        .route("/maybe", get(async |user: Option<CurrentUser>| user.is_some().to_string()))
        .route("/admin", get(async |Admin(level): Admin| level.to_string()))
        .route(
            "/who",
            get(async |s: Session<Account>| s.user().map(|u| u.name.clone()).unwrap_or_default()),
        );
    Server::start(routes.layer(adjust(builder).build().expect("a sound configuration"))).await
}

#[tokio::test]
async fn a_value_that_is_refused_counts_as_none() {
    let server = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/login/ada/false").await;
    assert_eq!(client.get("/me").await.body, "ada");
    assert_eq!(client.get("/maybe").await.body, "true");
    client.get("/login/bob/true").await;
    let (refused, nobody) = (client.get("/me").await, Client::new(&server).get("/me").await);
    assert_eq!((refused.status.as_u16(), nobody.status.as_u16()), (401, 401));
    assert_eq!(refused.body, nobody.body, "the answer does not tell the two apart");
    assert_eq!(client.get("/maybe").await.body, "false");
    assert_eq!(client.get("/who").await.body, "bob", "only the guard asks");
}

#[tokio::test]
async fn a_closure_will_do_and_any_field() {
    let server = start(|builder| builder).await;
    let client = Client::new(&server);
    assert_eq!(client.get("/admin").await.status, 401);
    client.get("/level/8").await;
    assert_eq!(client.get("/admin").await.status, 401);
    client.get("/level/9").await;
    assert_eq!(client.get("/admin").await.body, "9");
}

#[tokio::test]
async fn the_challenge_answers_to_a_refused_value_too() {
    let server = start(|builder| builder.challenge(Challenge::redirect("/login"))).await;
    let client = Client::new(&server);
    client.get("/login/bob/true").await;
    let reply = client.get("/me").await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, Some("/login")));
    let server = start(|builder| builder.challenge(Challenge::found("/login"))).await;
    let reply = Client::new(&server).get("/me").await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (302, Some("/login")));
}
