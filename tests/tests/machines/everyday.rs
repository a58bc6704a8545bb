//! Everything that a session does on a day without accidents.

use tests::{Client, app::Shown, backend::kind::Backend, machine::Machine};

use crate::{
    program::{APP, settings},
    steps::{COOKIE, assert_dead, copy, devices, get, post, shown, user},
};

pub(crate) async fn everyday(backend: impl Backend) {
    day(&backend, false).await;
}

pub(crate) async fn everyday_sealed(backend: impl Backend) {
    day(&backend, true).await;
}

async fn day(backend: &impl Backend, encrypt: bool) {
    let machine = Machine::start(APP, &settings(&backend).encrypt(encrypt));
    let ada = machine.client();
    anonymous(&ada).await;
    logged_in(&ada, &machine.client()).await;
    several_devices(&ada, &machine).await;
    numbers(&ada, &machine.client()).await;
    end(&ada).await;
}

async fn anonymous(ada: &Client) {
    assert_eq!(shown(ada).await, Shown::default());
    assert_eq!(ada.cookie(COOKIE), None, "nothing in it, nothing kept");
    // Keys are chosen by users: `a.b$c'"`.
    for path in ["/theme/dark", "/notice/hello", "/note/a.b%24c%27%22/%E2%9C%93", "/note/k/v"] {
        post(ada, path).await;
    }
    for _ in 0..3 {
        post(ada, "/tally").await;
    }
    let expected = Shown {
        user: None,
        theme: "dark".to_owned(),
        notice: Some("hello".to_owned()),
        tally: 3,
        notes: [("a.b$c'\"", "✓"), ("k", "v")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    };
    assert_eq!(shown(ada).await, expected);
    assert_eq!(post(ada, "/take").await, "hello");
    assert_eq!(post(ada, "/take").await, "", "read once");
    post(ada, "/note/k/w").await;
    let notes = [("a.b$c'\"".to_owned(), "✓".to_owned()), ("k".to_owned(), "w".to_owned())];
    assert_eq!(shown(ada).await, Shown { notice: None, notes: notes.into(), ..expected });
}

async fn logged_in(ada: &Client, bob: &Client) {
    let (before, handle) = (copy(ada), get(ada, "/id").await);
    assert_eq!(user(ada).await, None);
    post(ada, "/login/ada").await;
    assert_eq!(user(ada).await.as_deref(), Some("ada"));
    assert_eq!(get(ada, "/id").await, handle, "the same session");
    assert_eq!((shown(ada).await.theme, shown(ada).await.tally), ("dark".to_owned(), 3));
    assert_dead(&before).await;

    let before = copy(ada);
    post(ada, "/rotate").await;
    assert_eq!(user(ada).await.as_deref(), Some("ada"));
    assert_dead(&before).await;

    let reply = ada.post("/remember").await;
    let cookie = reply.set_cookies().join("\n");
    let max_age = cookie.split_once("Max-Age=").and_then(|(_, seconds)| seconds.parse().ok());
    let thirty_days = 30 * 24 * 60 * 60;
    assert!(max_age.is_some_and(|it: u32| (thirty_days - 60..=thirty_days).contains(&it)));

    // A log-in that is the first thing of all.
    post(bob, "/login/bob").await;
    assert_eq!(user(bob).await.as_deref(), Some("bob"));
    assert_eq!(shown(bob).await.theme, "", "nobody else's session");
}

async fn several_devices(ada: &Client, machine: &Machine) {
    let (phone, tablet) = (machine.client(), machine.client());
    post(&phone, "/theme/light").await;
    for device in [&phone, &tablet] {
        post(device, "/login/ada").await;
    }
    let mut handles = Vec::new();
    for device in [ada, &phone, &tablet] {
        handles.push(get(device, "/id").await);
    }
    handles.sort();
    for device in [ada, &phone, &tablet] {
        let mut listed = devices(device).await;
        assert_eq!(listed[0], get(device, "/id").await);
        listed.sort();
        assert_eq!(listed, handles);
    }

    let gone = copy(&tablet);
    post(&tablet, "/logout").await;
    assert_dead(&gone).await;
    assert_eq!(devices(ada).await.len(), 2);

    let gone = copy(&phone);
    assert_eq!(post(ada, "/end_others").await, "1");
    assert_dead(&gone).await;
    assert_eq!(devices(ada).await, [get(ada, "/id").await]);
    assert_eq!(user(ada).await.as_deref(), Some("ada"));
}

async fn numbers(ada: &Client, other: &Client) {
    for path in ["/hit", "/hit", "/seen/a", "/seen/b%00%22", "/seen/a", "/hit"] {
        post(ada, path).await;
    }
    assert_eq!((get(ada, "/hits").await, get(ada, "/seen").await), ("3".into(), "2".into()));
    assert_eq!((get(other, "/hits").await, get(other, "/seen").await), ("0".into(), "0".into()));
}

async fn end(ada: &Client) {
    let gone = copy(ada);
    post(ada, "/logout").await;
    assert_eq!(user(ada).await, None);
    assert_dead(&gone).await;
    // A dead token writes nothing into the session that was: it begins a new one.
    let late = gone.fork();
    post(&late, "/theme/late").await;
    assert_dead(&gone).await;
    assert_eq!(get(&gone.fork(), "/hits").await, "3", "the other session type's own");
}
