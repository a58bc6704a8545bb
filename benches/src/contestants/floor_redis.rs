//! What one would write by hand on a Redis server, over one connection: the session as JSON in one
//! value, read and written whole; or a hash of its fields, of which a request reads or writes one.
//! Each request is one command or one pipeline a step, each use moves the end. Parallel requests
//! overwrite each other (the whole), nothing is checked but the cookie, and no list says whose
//! sessions there are.

use std::hint::black_box;

use axum::{Router, routing::get};
use redis::{Cmd, FromRedisValue, Pipeline, aio::MultiplexedConnection};

use super::{
    floor::{Cookies, IDLE_SECONDS, Jar},
    floor_token::Tokens,
};
use crate::workload::Data;

struct Server {
    tokens: Tokens,
    connection: MultiplexedConnection,
}

impl Server {
    async fn connect(url: &str) -> Self {
        let client = redis::Client::open(url).expect("a sound address");
        let connection = client.get_multiplexed_async_connection().await;
        Self { tokens: Tokens::new(), connection: connection.expect("the server answers") }
    }

    async fn ask<T: FromRedisValue>(&self, command: Cmd) -> T {
        command.query_async(&mut self.connection.clone()).await.expect("the server answers")
    }

    async fn ask_all<T: FromRedisValue>(&self, commands: &Pipeline) -> T {
        commands.query_async(&mut self.connection.clone()).await.expect("the server answers")
    }
}

impl Jar<Server> {
    fn id(&self) -> [u8; 16] {
        let cookie = self.cookie().expect("a cookie");
        self.keeper().tokens.id(cookie).expect("one of ours")
    }

    async fn put(&self, id: &[u8], data: &Data) {
        let json = serde_json::to_vec(data).expect("it encodes");
        let () = self.keeper().ask(Cmd::set_ex(id, json, IDLE_SECONDS)).await;
    }

    async fn data(&self, command: Cmd) -> Data {
        let json: Vec<u8> = self.keeper().ask(command).await;
        serde_json::from_slice(&json).expect("it decodes")
    }
}

/// The session in one value.
pub async fn whole(url: &str) -> Router {
    let create = get(async |jar: Jar<Server>| {
        let (id, token) = jar.keeper().tokens.make();
        jar.put(&id, &Data::logged_in()).await;
        jar.set_cookie(&token);
        "ok"
    });
    Router::new()
        .route("/create", create.clone())
        .route("/begin", create)
        .route(
            "/read",
            get(async |jar: Jar<Server>| {
                let until = redis::Expiry::EX(IDLE_SECONDS);
                black_box(jar.data(Cmd::get_ex(&jar.id(), until)).await.visits);
                "ok"
            }),
        )
        .route(
            "/write",
            get(async |jar: Jar<Server>| {
                let id = jar.id();
                let mut data = jar.data(Cmd::get(&id)).await;
                data.visits += 1;
                jar.put(&id, &data).await;
                "ok"
            }),
        )
        .layer(Cookies::new(Server::connect(url).await))
}

/// A hash of the fields.
pub async fn fields(url: &str) -> Router {
    const VISITS: &str = "visits";
    const IDLE: i64 = IDLE_SECONDS.cast_signed();

    let create = get(async |jar: Jar<Server>| {
        let (id, token) = jar.keeper().tokens.make();
        let data = Data::logged_in();
        let cart = serde_json::to_string(&data.cart).expect("it encodes");
        let (user, visits) = (data.user.map(|user| user.to_string()), data.visits.to_string());
        let fields = [
            ("user", user.as_deref().unwrap_or_default()),
            ("name", &data.name),
            ("mail", &data.mail),
            ("theme", &data.theme),
            ("cart", &cart),
            (VISITS, &visits),
        ];
        let mut commands = Pipeline::new();
        commands.hset_multiple(&id, &fields).ignore().expire(&id, IDLE).ignore();
        let () = jar.keeper().ask_all(&commands).await;
        jar.set_cookie(&token);
        "ok"
    });
    Router::new()
        .route("/create", create.clone())
        .route("/begin", create)
        .route(
            "/read",
            get(async |jar: Jar<Server>| {
                let mut commands = Pipeline::new();
                let id = jar.id();
                commands.hget(&id, VISITS).expire(&id, IDLE).ignore();
                let (visits,): (u64,) = jar.keeper().ask_all(&commands).await;
                black_box(visits);
                "ok"
            }),
        )
        .route(
            "/write",
            get(async |jar: Jar<Server>| {
                let mut commands = Pipeline::new();
                let id = jar.id();
                commands.hincr(&id, VISITS, 1).expire(&id, IDLE).ignore();
                let (visits,): (u64,) = jar.keeper().ask_all(&commands).await;
                black_box(visits);
                "ok"
            }),
        )
        .route(
            "/blind",
            get(async |jar: Jar<Server>| {
                let mut commands = Pipeline::new();
                let id = jar.id();
                commands.hset(&id, VISITS, 2).ignore().expire(&id, IDLE).ignore();
                let () = jar.keeper().ask_all(&commands).await;
                "ok"
            }),
        )
        .layer(Cookies::new(Server::connect(url).await))
}
