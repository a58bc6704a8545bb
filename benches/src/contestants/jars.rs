//! axum-extra's jars: no session library, but what one would use of axum's to keep a struct in the
//! cookie. What they can do they do with the whole of it, so the scenarios of a stored session and
//! of a sealed one are the same here.

use std::hint::black_box;

use axum::{Router, extract::FromRef, routing::get};
use axum_extra::extract::cookie::{Cookie, Key, PrivateCookieJar, SameSite, SignedCookieJar};

use crate::workload::Data;

const NAME: &str = "id";

#[derive(Clone)]
struct State(Key);

impl FromRef<State> for Key {
    fn from_ref(state: &State) -> Self {
        state.0.clone()
    }
}

fn read(cookie: Option<Cookie<'_>>) -> Data {
    serde_json::from_str(cookie.expect("a session").value()).expect("it decodes")
}

fn write(data: &Data) -> Cookie<'static> {
    let json = serde_json::to_string(data).expect("it encodes");
    Cookie::build((NAME, json)).http_only(true).same_site(SameSite::Lax).path("/").build()
}

macro_rules! with_jar {
    ($router:ident, $jar:ty) => {
        pub(super) fn $router() -> Router {
            let create = async |jar: $jar| (jar.add(write(&Data::logged_in())), "ok");
            let look = async |jar: $jar| {
                black_box(read(jar.get(NAME)).visits);
                "ok"
            };
            let change = async |jar: $jar| {
                let mut data = read(jar.get(NAME));
                data.visits += 1;
                (jar.add(write(&data)), "ok")
            };
            Router::new()
                .route("/create", get(create))
                .route("/read", get(look))
                .route("/write", get(change))
                .route("/sealed/create", get(create))
                .route("/sealed/read", get(look))
                .route("/sealed/write", get(change))
                .with_state(State(Key::generate()))
        }
    };
}

with_jar!(signed, SignedCookieJar);
with_jar!(private, PrivateCookieJar);
