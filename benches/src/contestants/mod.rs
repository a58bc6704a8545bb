//! Who takes part, and in which scenarios: one that cannot do a thing is left out, not imitated.
//! What a contestant is made of is its own module's business.

mod bare;
mod floor;
mod floor_map;
mod floor_sealed;
mod floor_token;
mod noop;
mod ours;

#[cfg(feature = "redis")]
pub mod floor_redis;

#[cfg(feature = "peers")]
mod axum_session;
#[cfg(feature = "peers")]
mod jars;
#[cfg(feature = "peers")]
mod tower_sessions;

use axum::Router;

pub use ours::stored_on;

use crate::{changes, workload::Scenario};

pub struct Contestant {
    pub name: &'static str,
    pub what: &'static str,
    /// The letters of the scenarios that it can do.
    pub scenarios: &'static str,
    /// Whether its `/create` gives a cookie.
    pub keeps_sessions: bool,
    pub router: fn() -> Router,
}

impl Contestant {
    pub fn takes_part(&self, scenario: Scenario) -> bool {
        self.scenarios.contains(scenario.letter)
    }

    pub fn by_name(name: &str) -> Option<&'static Self> {
        CONTESTANTS.iter().chain(CHANGING).find(|contestant| contestant.name == name)
    }
}

/// What all others are compared with.
pub const BARE: &Contestant = &CONTESTANTS[0];
/// The library that this repository is about.
pub const OURS: &Contestant = &CONTESTANTS[2];

/// Those who make many changes in one request: without a session, and ours. By themselves, since more routes
/// make every request dearer.
pub const CHANGING: &[Contestant] = &[
    Contestant {
        name: "bare-changes",
        what: "the same work on a value of its own",
        scenarios: "kpusm",
        keeps_sessions: false,
        router: changes::bare,
    },
    Contestant {
        name: "ours-changes",
        what: "session-runtime: MemoryStore",
        scenarios: "kpusm",
        keeps_sessions: true,
        router: changes::ours,
    },
];

/// What peers with a store can do: with their interfaces, a write without a load is not possible.
#[cfg(feature = "peers")]
const STORED: &str = "abcdefhj";

pub const CONTESTANTS: &[Contestant] = &[
    Contestant {
        name: "bare",
        what: "the application without sessions",
        scenarios: "abcdefghiwj",
        keeps_sessions: false,
        router: bare::router,
    },
    Contestant {
        name: "noop-layer",
        what: "a tower layer that does nothing",
        scenarios: "abcdefghiwj",
        keeps_sessions: false,
        router: noop::router,
    },
    Contestant {
        name: "ours",
        what: "session-runtime: MemoryStore; for i, a sealed payload",
        scenarios: "abcdefghiwj",
        keeps_sessions: true,
        router: ours::router,
    },
    Contestant {
        name: "floor-map",
        what: "written by hand: a map of structs, an id with an HMAC in the cookie",
        scenarios: "abcdefgh",
        keeps_sessions: true,
        router: floor_map::router,
    },
    Contestant {
        name: "floor-sealed",
        what: "written by hand: a struct as JSON, sealed in the cookie",
        scenarios: "iw",
        keeps_sessions: true,
        router: floor_sealed::router,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "ts-struct",
        what: "tower-sessions, MemoryStore, the struct under one key",
        scenarios: STORED,
        keeps_sessions: true,
        router: tower_sessions::with_struct,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "ts-keys",
        what: "tower-sessions, MemoryStore, a key for each field",
        scenarios: STORED,
        keeps_sessions: true,
        router: tower_sessions::with_keys,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "ts-signed",
        what: "as ts-struct, with a signed cookie",
        scenarios: STORED,
        keeps_sessions: true,
        router: tower_sessions::signed,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "ts-private",
        what: "as ts-struct, with an encrypted cookie",
        scenarios: STORED,
        keeps_sessions: true,
        router: tower_sessions::private,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "as-struct",
        what: "axum_session without a database, the struct under one key",
        scenarios: STORED,
        keeps_sessions: true,
        router: axum_session::with_struct,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "as-keys",
        what: "axum_session without a database, a key for each field",
        scenarios: STORED,
        keeps_sessions: true,
        router: axum_session::with_keys,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "jar-signed",
        what: "axum-extra's SignedCookieJar: the struct as JSON in the cookie, readable",
        scenarios: "cdeiw",
        keeps_sessions: true,
        router: jars::signed,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "jar-private",
        what: "axum-extra's PrivateCookieJar: the struct as JSON in the cookie, encrypted",
        scenarios: "cdeiw",
        keeps_sessions: true,
        router: jars::private,
    },
];
