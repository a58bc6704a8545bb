//! What one would write by hand for one process: structs in a sharded map, and a cookie with an id
//! and its HMAC-SHA256. It has no codec, no key rotation, no limit and no errors to tell of; what
//! remains is what no library can do without.

use std::{array, collections::HashMap, hint::black_box, sync::Mutex};

use axum::{Router, routing::get};

use super::{
    floor::{Cookies, IDLE_SECONDS, Jar, now},
    floor_token::{Id, Tokens},
};
use crate::workload::Data;

struct Map {
    tokens: Tokens,
    shards: [Mutex<HashMap<Id, Kept>>; 64],
}

struct Kept {
    data: Data,
    until: u64,
}

impl Map {
    fn new() -> Self {
        Self { tokens: Tokens::new(), shards: array::from_fn(|_| Mutex::default()) }
    }

    fn shard(&self, id: &Id) -> &Mutex<HashMap<Id, Kept>> {
        &self.shards[usize::from(id[0]) % 64]
    }
}

impl Jar<Map> {
    /// The id in the cookie, if we made it.
    fn id(&self) -> Option<Id> {
        self.keeper().tokens.id(self.cookie()?)
    }

    fn with<R>(&self, use_it: impl FnOnce(&mut Data) -> R) -> Option<R> {
        let id = self.id()?;
        let mut shard = self.keeper().shard(&id).lock().expect("no panic under the lock");
        let kept = shard.get_mut(&id)?;
        let now = now();
        if kept.until < now {
            return None;
        }
        kept.until = now + IDLE_SECONDS;
        Some(use_it(&mut kept.data))
    }

    fn create(&self, data: Data) {
        let (id, token) = self.keeper().tokens.make();
        let kept = Kept { data, until: now() + IDLE_SECONDS };
        self.keeper().shard(&id).lock().expect("no panic under the lock").insert(id, kept);
        self.set_cookie(&token);
    }

    fn take(&self) -> Option<Data> {
        let id = self.id()?;
        let mut shard = self.keeper().shard(&id).lock().expect("no panic under the lock");
        shard.remove(&id).map(|kept| kept.data)
    }
}

pub(super) fn router() -> Router {
    Router::new()
        .route("/ignore", get(async || "ok"))
        .route(
            "/create",
            get(async |jar: Jar<Map>| {
                jar.create(Data::logged_in());
                "ok"
            }),
        )
        .route(
            "/read",
            get(async |jar: Jar<Map>| {
                black_box(jar.with(|data| data.visits).expect("a session"));
                "ok"
            }),
        )
        .route(
            "/read-two",
            get(async |jar: Jar<Map>| {
                let both = jar.with(|data| (data.visits, data.theme.len()));
                black_box(both.expect("a session"));
                "ok"
            }),
        )
        .route(
            "/write",
            get(async |jar: Jar<Map>| {
                jar.with(|data| data.visits += 1).expect("a session");
                "ok"
            }),
        )
        .route(
            "/blind",
            get(async |jar: Jar<Map>| {
                jar.with(|data| data.visits = 2).expect("a session");
                "ok"
            }),
        )
        .route(
            "/rotate",
            get(async |jar: Jar<Map>| {
                let mut data = jar.take().expect("a session");
                data.visits += 1;
                jar.create(data);
                "ok"
            }),
        )
        .layer(Cookies::new(Map::new()))
}
