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

    /// Asks for a number, and moves the end of the session.
    async fn number(&self, command: impl FnOnce(&[u8]) -> Cmd) -> &'static str {
        let id = self.id();
        let mut commands = Pipeline::new();
        commands.add_command(command(&id)).expire(&id, IDLE_SECONDS.cast_signed()).ignore();
        let (number,): (u64,) = self.keeper().ask_all(&commands).await;
        black_box(number);
        "ok"
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
        commands
            .hset_multiple(&id, &fields)
            .ignore()
            .expire(&id, IDLE_SECONDS.cast_signed())
            .ignore();
        let () = jar.keeper().ask_all(&commands).await;
        jar.set_cookie(&token);
        "ok"
    });
    Router::new()
        .route("/create", create.clone())
        .route("/begin", create)
        .route("/read", get(async |jar: Jar<Server>| jar.number(|id| Cmd::hget(id, VISITS)).await))
        .route(
            "/write",
            get(async |jar: Jar<Server>| jar.number(|id| Cmd::hincr(id, VISITS, 1)).await),
        )
        .route(
            "/blind",
            get(async |jar: Jar<Server>| jar.number(|id| Cmd::hset(id, VISITS, 2)).await),
        )
        .layer(Cookies::new(Server::connect(url).await))
}
