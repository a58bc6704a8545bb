//! Who is the same principal: the one with the same id, whatever else is known of them.

use std::{collections::HashSet, sync::Arc};

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use session_runtime::{
    Error, KeyRing, Principal, Session, SessionLayer, SessionLayerBuilder, Sessions,
    policy::OnMaxSessions,
    store::{MemoryStore, Store},
};
use tests::{Client, Server};

#[derive(Principal, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct UserId(u32);

#[derive(Principal, Clone, Serialize, Deserialize)]
struct User {
    #[principal(id)]
    id: UserId,
    roles: HashSet<String>,
    visits: u32,
}

impl User {
    fn new(id: u32, role: &str) -> Self {
        let roles = [role, "reader", "writer", "guest"].map(str::to_owned).into();
        Self { id: UserId(id), roles, visits: 0 }
    }
}

#[derive(Session)]
#[session(name = "who")]
struct Who {
    #[session(principal, extract = "CurrentUser")]
    user: Option<User>,
    cart: Vec<u32>,
}

#[derive(Session)]
#[session(name = "who", payload = "sealed")]
struct Sealed {
    #[session(principal)]
    user: Option<User>,
    cart: Vec<u32>,
}

macro_rules! routes {
    ($session:ty) => {
        Router::new()
            .route(
                "/in/{id}/{role}",
                post(async |s: Session<$session>, Path((id, role)): Path<(u32, String)>| {
                    s.log_in(User::new(id, &role));
                }),
            )
            .route("/push", post(async |s: Session<$session>| s.push_cart(1)))
            .route(
                "/show",
                get(async |s: Session<$session>| {
                    let role = |user: &User| user.roles.contains("admin");
                    let user = s.user().map(|user| (user.id.0, role(user), user.visits));
                    format!("{user:?} {:?}", s.cart())
                }),
            )
            .route(
                "/visit",
                post(async |s: Session<$session>| s.update_user(|user| user.visits += 1)),
            )
            .route(
                "/become/{id}",
                post(async |s: Session<$session>, Path(id): Path<u32>| {
                    s.push_cart(9);
                    s.update_user(move |user| user.id = UserId(id));
                }),
            )
            .route(
                "/end/{id}",
                post(async |sessions: Sessions<$session>, Path(id): Path<u32>| {
                    Ok::<_, Error>(sessions.of(&UserId(id)).end_all().await?.count.to_string())
                }),
            )
    };
}

async fn start(
    settle: impl FnOnce(SessionLayerBuilder<Who>) -> SessionLayerBuilder<Who>,
) -> Server {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let keys = KeyRing::generate().expect("random bytes");
    let builder = SessionLayer::<Who>::builder(keys).store(store).insecure_dev();
    let layer = settle(builder).build().expect("a sound configuration");
    let routes = routes!(Who)
        .route(
            "/list/{id}",
            get(async |sessions: Sessions<Who>, Path(id): Path<u32>| {
                let page = sessions.of(&UserId(id)).list(None).await?;
                Ok::<_, Error>(page.sessions.len().to_string())
            }),
        )
        .route("/me", get(async |CurrentUser(user): CurrentUser| user.id.0.to_string()));
    Server::start(routes.layer(layer)).await
}

#[tokio::test]
async fn another_value_with_the_same_id_is_no_other_principal() {
    for at_rest in [false, true] {
        let server =
            start(|builder| if at_rest { builder.encrypt_at_rest() } else { builder }).await;
        let client = Client::new(&server);
        client.post("/in/7/reader").await;
        client.post("/push").await;
        assert_eq!(client.get("/show").await.body, "Some((7, false, 0)) [1]");
        client.post("/in/7/admin").await;
        assert_eq!(client.get("/show").await.body, "Some((7, true, 0)) [1]", "the fields stay");
        assert_eq!(client.get("/list/7").await.body, "1");
        client.post("/in/8/admin").await;
        assert_eq!(client.get("/show").await.body, "Some((8, true, 0)) []", "somebody else");
        assert_eq!(client.get("/list/7").await.body, "0");
        client.post("/in/7/admin").await;
        assert_eq!(client.post("/end/7").await.body, "1");
        assert_eq!(client.get("/me").await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_cap_counts_the_sessions_of_an_id_whatever_else_is_known_of_its_user() {
    let server = start(|builder| builder.max_sessions(1, OnMaxSessions::EndOldest)).await;
    let clients: Vec<_> = (0..10).map(|_| Client::new(&server)).collect();
    for (at, client) in clients.iter().enumerate() {
        client.post(&format!("/in/7/role-{at}")).await;
    }
    let mut live = 0;
    for client in &clients {
        live += u32::from(client.get("/me").await.status == StatusCode::OK);
    }
    assert_eq!((live, clients[0].get("/list/7").await.body.as_str()), (1, "1"));
    assert_eq!(clients[0].post("/end/7").await.body, "1");
    assert_eq!(clients[9].get("/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn update_user_changes_what_is_not_the_identity_and_nothing_else() {
    let server = start(|builder| builder).await;
    let client = Client::new(&server);
    assert_eq!(client.post("/visit").await.status, StatusCode::OK, "nobody is there to change");
    client.post("/in/7/reader").await;
    let (one, other) = (client.fork(), client.fork());
    let (one, other) = tokio::join!(one.post("/visit"), other.post("/visit"));
    assert_eq!((one.status, other.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(client.get("/show").await.body, "Some((7, false, 2)) []");
    assert_eq!(client.post("/become/8").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(client.get("/show").await.body, "Some((7, false, 2)) []", "nothing was changed");
    assert_eq!(client.get("/list/7").await.body, "1");
}

#[tokio::test]
async fn a_sealed_session_is_ended_by_the_id_alone() {
    let layer = SessionLayer::<Sealed>::builder(KeyRing::ephemeral().expect("random bytes"))
        .revocation(MemoryStore::default())
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let server = Server::start(routes!(Sealed).layer(layer)).await;
    let client = Client::new(&server);
    client.post("/in/7/reader").await;
    client.post("/push").await;
    client.post("/in/7/admin").await;
    client.post("/visit").await;
    assert_eq!(client.get("/show").await.body, "Some((7, true, 1)) [1]");
    client.post("/become/8").await;
    assert_eq!(client.get("/show").await.body, "Some((7, true, 1)) [1]");
    client.post("/end/7").await;
    assert_eq!(client.get("/show").await.body, "None []");
}

#[derive(Session)]
#[session(name = "tenant")]
struct Tenant {
    #[session(principal)]
    user: Option<uuid::Uuid>,
}

#[tokio::test]
async fn a_uuid_is_an_identity() {
    const ADA: uuid::Uuid = uuid::Uuid::from_u128(0x0191_6f4e_7c2a_7d3b_8e9f_0a1b_2c3d_4e5f);
    let layer = SessionLayer::<Tenant>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(MemoryStore::default())
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let routes = Router::new()
        .route("/in", post(async |s: Session<Tenant>| s.log_in(ADA)))
        .route("/who", get(async |s: Session<Tenant>| format!("{:?}", s.user())))
        .route(
            "/end",
            post(async |s: Sessions<Tenant>| -> Result<String, Error> {
                Ok(s.of(&ADA).end_all().await?.count.to_string())
            }),
        );
    let server = Server::start(routes.layer(layer)).await;
    let client = Client::new(&server);
    client.post("/in").await;
    assert_eq!(client.get("/who").await.body, format!("Some({ADA})"));
    assert_eq!(client.post("/end").await.body, "1");
    assert_eq!(client.get("/who").await.body, "None");
}
