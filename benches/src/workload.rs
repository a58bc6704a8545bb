//! What every contestant does: the scenarios, the requests they are made of, and the session that
//! they read and write. Knows no contestant.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http::{Request, Response, header};
use serde::{Deserialize, Serialize};

/// One thing that a request does with its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// How the command line names it.
    pub letter: char,
    /// How tables name it.
    pub title: &'static str,
    pub what: &'static str,
    pub path: &'static str,
    /// Whether the client has a session already.
    pub has_session: bool,
    /// What it asks of a store, in our design; `docs/stores.md` says what that is in round trips.
    pub store: &'static str,
}

const fn scenario(
    letter: char,
    title: &'static str,
    path: &'static str,
    has_session: bool,
    store: &'static str,
    what: &'static str,
) -> Scenario {
    Scenario { letter, title, what, path, has_session, store }
}

pub const SCENARIOS: [Scenario; 11] = [
    scenario('a', "a", "/ignore", true, "–", "the cookie is sent, the route ignores it"),
    scenario('b', "b", "/ignore", false, "–", "no cookie, the route ignores the session"),
    scenario('c', "c", "/read", true, "load", "read one field"),
    scenario('d', "d", "/write", true, "load, commit", "write one field"),
    scenario('e', "e", "/create", false, "insert", "log in"),
    scenario('f', "f", "/rotate", true, "load, commit", "write one field and change the token"),
    scenario('g', "g", "/blind", true, "load, commit", "write one field without reading"),
    scenario('h', "h", "/read-two", true, "load", "read two fields of ten"),
    scenario('i', "i", "/sealed/read", true, "–", "read one field of a sealed payload"),
    scenario('w', "i, write", "/sealed/write", true, "–", "write one field of a sealed payload"),
    scenario('j', "j", "/many/read", true, "load", "read one field of fifty"),
];

/// The changes that one request of [`CHANGES`] makes.
pub const CHANGES_EACH: u32 = 10_000;

/// Requests that make many changes to one field. What the bare application does is the same work on a value
/// of its own, and the text of that value: what is over that is ours.
pub const CHANGES: [Scenario; 5] = [
    scenario('k', "k", "/changes/counter", true, "load, commit", "add to a counter"),
    scenario('p', "p", "/changes/push", true, "load, commit", "push to a list"),
    scenario('u', "u", "/changes/update", true, "load, commit", "push to a list in `update_list`"),
    scenario('s', "s", "/changes/insert", true, "load, commit", "insert into a set what it lacks"),
    scenario('m', "m", "/changes/map", true, "load, commit", "write under a key of a map"),
];

impl Scenario {
    pub fn by_letter(letter: &str) -> Option<Self> {
        SCENARIOS.into_iter().chain(CHANGES).find(|scenario| letter == scenario.letter.to_string())
    }

    /// The route that makes sessions for it.
    pub fn create(&self) -> String {
        let parent = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        format!("{parent}/create")
    }
}

/// A request of a browser that has another site's cookie, and its session's if it has one.
pub fn request(path: &str, cookie: Option<&str>) -> Request<Body> {
    let foreign = "_ga=GA1.2.1234567890.1700000000";
    let cookies = cookie.map_or_else(|| foreign.to_owned(), |own| format!("{foreign}; {own}"));
    Request::get(path)
        .header(header::HOST, "localhost")
        .header(header::COOKIE, cookies)
        .body(Body::empty())
        .expect("a sound request")
}

/// What a client sends back after a response: `name=value` of each cookie that it set.
pub fn cookies_of<B>(response: &Response<B>) -> Option<String> {
    let pairs: Vec<&str> = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
}

/// What is in a session: some 150 bytes as JSON.
pub struct Values;

impl Values {
    pub const NAME: &str = "Ada Lovelace";
    pub const MAIL: &str = "ada@example.com";
    pub const THEME: &str = "dark";
    pub const CART: [u32; 5] = [3, 14, 15, 92, 65];

    /// Everybody logs in once: stores that know whose a session is would otherwise have all of them
    /// in one list.
    pub fn user() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1_000_000);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

/// The session as those hold it who have it in one piece. What is `None` is not written, as with
/// us.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Data {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u64>,
    pub name: String,
    pub mail: String,
    pub theme: String,
    pub cart: Vec<u32>,
    pub visits: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d: Option<u32>,
}

impl Data {
    pub fn logged_in() -> Self {
        Self {
            user: Some(Values::user()),
            name: Values::NAME.to_owned(),
            mail: Values::MAIL.to_owned(),
            theme: Values::THEME.to_owned(),
            cart: Values::CART.to_vec(),
            visits: 1,
            a: None,
            b: None,
            c: None,
            d: None,
        }
    }
}

/// Calls a macro with the names of the fields of the session of fifty.
#[macro_export]
macro_rules! with_fifty_fields {
    ($call:ident) => {
        $call! {
            f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20 f21 f22 f23
            f24 f25 f26 f27 f28 f29 f30 f31 f32 f33 f34 f35 f36 f37 f38 f39 f40 f41 f42 f43 f44 f45
            f46 f47 f48 f49
        }
    };
}

macro_rules! fifty {
    ($($field:ident)*) => {
        /// A session with many fields.
        #[derive(Serialize, Deserialize)]
        pub struct Fifty {
            $(pub $field: u32,)*
        }

        impl Fifty {
            pub fn full() -> Self {
                Self { $($field: 7,)* }
            }
        }

        /// The names of its fields.
        pub const FIFTY: [&str; 50] = [$(stringify!($field),)*];
    };
}

with_fifty_fields!(fifty);
