//! The seven routes on every store: the same program, the same requests, and only `STORE` differs.
//! How the servers are run is the fixtures' business.

use serde_json::{Value, json};
#[allow(unused_imports, reason = "some stores need all, some need one")]
use tests::backend::{kind::*, *};
use tests::example::Browser;

use super::{COOKIE, assert_nobody, log_in, start};

/// Tests of one store: `$backend` makes an empty place for it.
macro_rules! stores {
    ($($(#[$gate:meta])* $test:ident => $backend:expr;)*) => {$(
        $(#[$gate])*
        #[test]
        fn $test() {
            seven_routes(&$backend);
        }
    )*};
}

stores! {
    memory => Memory;
    #[cfg(feature = "file")]
    file => Folder::new("file");
    #[cfg(feature = "embedded")]
    embedded => Folder::new("embedded");
    #[cfg(feature = "sqlite")]
    sqlite => Folder::new("sqlite");
    #[cfg(feature = "redis")]
    redis => redis::Redis::shared();
    #[cfg(feature = "redis")]
    redis_cluster => redis::Cluster::shared();
    #[cfg(feature = "redis")]
    redis_sentinel => redis::Sentinels::shared();
    #[cfg(feature = "postgres")]
    postgres => sql::Database::<postgres::Postgres>::new();
    #[cfg(feature = "mysql")]
    mariadb => sql::Database::<mariadb::MariaDb>::new();
    #[cfg(feature = "mongodb")]
    mongodb => mongo::Mongo::shared();
}

/// What the tutorial shows, from the greeting to the log-out.
fn seven_routes(backend: &impl Backend) {
    // A store shares its machine with all the others that start now, so sessions have their time.
    let kestrun = start(&[("STORE", &backend.url()), ("IDLE", "20m")]);
    let (browser, other) = (kestrun.browser(), kestrun.browser());
    let answers = |browser: &Browser<'_>, path: &str, status: u16, cookies: usize, body: Value| {
        let reply = browser.get(path);
        assert_eq!((reply.status, reply.json()), (status, body), "{path}");
        assert_eq!(reply.set_cookies().len(), cookies, "{path}: {reply:?}");
    };
    let counted = |counter: u64| json!({"message": "Counter incremented", "counter": counter});

    assert_eq!(browser.get("/hello").body, "Hello, Session World!");
    assert_nobody(&browser.get("/session/whoami"));
    answers(&browser, "/session/logout", 200, 0, json!({"message": "Session cleared"}));
    assert_eq!(browser.cookie(COOKIE), None, "nothing was stored yet");

    answers(&browser, "/session/counter", 200, 1, counted(1));
    answers(&browser, "/session/counter", 200, 0, counted(2));
    answers(&other, "/session/counter", 200, 1, counted(1));
    assert_ne!(browser.cookie(COOKIE), other.cookie(COOKIE));

    for path in ["/session/login?user=%20", "/session/set?key=color", "/session/get"] {
        let reply = browser.get(path);
        assert_eq!((reply.status, reply.set_cookies().len()), (400, 0), "{path}");
    }
    let before = browser.cookie(COOKIE).expect("it counts");
    log_in(&browser, "max");
    answers(&browser, "/session/whoami", 200, 0, json!({"user": "max"}));
    assert_nobody(&kestrun.replay("/session/whoami", &before));
    assert_nobody(&other.get("/session/whoami"));

    let stored = json!({"message": "Stored in session", "key": "color", "value": "purple"});
    answers(&browser, "/session/set?key=color&value=purple", 200, 0, stored);
    answers(&browser, "/session/set?key=user&value=root", 200, 0, {
        json!({"message": "Stored in session", "key": "user", "value": "root"})
    });
    let read = json!({"key": "color", "value": "purple"});
    answers(&browser, "/session/get?key=color", 200, 0, read);
    answers(&browser, "/session/whoami", 200, 0, json!({"user": "max"}));
    let none = json!({"error": "Key 'color' not found in session"});
    answers(&other, "/session/get?key=color", 404, 0, none.clone());
    answers(&browser, "/session/counter", 200, 0, counted(3));

    let old = browser.cookie(COOKIE).expect("logged in");
    answers(&browser, "/session/logout", 200, 0, json!({"message": "Session cleared"}));
    assert_nobody(&browser.get("/session/whoami"));
    answers(&browser, "/session/get?key=color", 404, 0, none);
    answers(&browser, "/session/counter", 200, 1, counted(1));
    assert_nobody(&kestrun.replay("/session/whoami", &old));
    answers(&other, "/session/counter", 200, 0, counted(2));
}
