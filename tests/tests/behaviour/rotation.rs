//! A key that is replaced in a fleet, one process after the other: no session is lost, no change is
//! dropped, and no log-out is answered that did not take place.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_runtime::{
    Key, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType,
    clock::ManualClock,
    policy::{Bind, OnMismatch},
    schema::Payload,
    store::{MemoryStore, Properties},
};
use tests::{Client, Log, Server, Spy, eventually, spy};

/// A session type with routes that change it.
trait App: SessionType {
    fn routes() -> Router;
}

macro_rules! app {
    ($session:ident: $payload:literal) => {
        #[derive(Session)]
        #[session(name = "s", prefix = "none", payload = $payload, idle = "never")]
        struct $session {
            #[session(principal)]
            user: Option<String>,
            notes: BTreeSet<String>,
            #[session(secret)]
            pin: String,
        }

        impl App for $session {
            fn routes() -> Router {
                Router::new()
                    .route(
                        "/note/{note}",
                        get(async |s: Session<$session>, Path(note): Path<String>| {
                            s.set_pin(note.clone());
                            s.insert_notes(note);
                        }),
                    )
                    .route(
                        "/show",
                        get(async |s: Session<$session>| {
                            let user = s.user().map_or("nobody", String::as_str);
                            format!("{user} {:?} {}", s.notes(), s.pin())
                        }),
                    )
                    .route("/login", get(async |s: Session<$session>| s.log_in("ada".to_owned())))
                    .route("/logout", get(async |s: Session<$session>| s.log_out()))
                    .route("/create", get(async |s: Session<$session>| s.create().await.map(drop)))
                    .route("/peek", get(async |s: session_runtime::Peek<$session>| s.pin.clone()))
            }
        }
    };
}

app!(Stored: "server");
app!(Sealed: "sealed");
app!(Signed: "signed");

const NOBODY: &str = "nobody {} ";

fn key() -> String {
    Key::generate().expect("random bytes").to_base64().to_string()
}

fn ring(text: &str) -> KeyRing {
    KeyRing::from_text(text).expect("sound keys")
}

/// The id of the key that a token was made under, as the log writes it.
fn key_of(token: &str) -> String {
    let value = |digit: u8| match digit {
        b'A'..=b'Z' => u64::from(digit - b'A'),
        b'a'..=b'z' => u64::from(digit - b'a') + 26,
        b'0'..=b'9' => u64::from(digit - b'0') + 52,
        b'-' => 62,
        _ => 63,
    };
    let bits = token.bytes().take(8).fold(0, |bits, digit| bits << 6 | value(digit));
    format!("{:08x}", bits & 0xffff_ffff)
}

/// What the processes of a deployment share.
struct Fleet {
    store: Spy<MemoryStore>,
    clock: Arc<ManualClock>,
    encrypt: bool,
}

/// A process of a deployment: one server, and its key ring.
struct Process {
    server: Server,
    ring: KeyRing,
}

impl Process {
    fn knows(&self, key: &str) -> bool {
        format!("{:?}", self.ring).contains(key)
    }
}

impl Fleet {
    fn new(encrypt: bool) -> Self {
        let store = spy(MemoryStore::default());
        store.pretend(Properties::DURABLE);
        Self { store, clock: Arc::default(), encrypt }
    }

    fn builder<T: App>(&self, ring: &KeyRing) -> SessionLayerBuilder<T> {
        let builder = SessionLayer::<T>::builder(ring.clone())
            .clock(Arc::clone(&self.clock))
            .bind(Bind::UserAgent, OnMismatch::Reject)
            .insecure_dev();
        match T::spec().payload {
            Payload::Server if self.encrypt => builder.store(self.store.clone()).encrypt_at_rest(),
            Payload::Server => builder.store(self.store.clone()),
            _ => builder.revocation(self.store.clone()),
        }
    }

    async fn process<T: App>(&self, keys: &str) -> Process {
        let ring = ring(keys);
        let layer = self.builder::<T>(&ring).build().expect("a sound layer");
        Process { server: Server::start(T::routes().layer(layer)).await, ring }
    }

    fn minutes(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(60 * minutes));
    }
}

/// A client, with what its session must hold.
struct Visitor {
    client: Client,
    user: &'static str,
    notes: BTreeSet<String>,
    pin: String,
    /// The keys that its tokens were made under, one after the other.
    keys: Vec<String>,
    refused: u32,
}

impl Visitor {
    async fn new(process: &Process, logs_in: bool) -> Self {
        let client = Client::new(&process.server);
        assert_eq!(client.get("/create").await.status, StatusCode::OK);
        let mut user = "nobody";
        if logs_in {
            user = "ada";
            assert_eq!(client.get("/login").await.status, StatusCode::OK);
        }
        let keys = vec![key_of(&client.cookie("s").expect("a token"))];
        let (notes, pin) = (BTreeSet::new(), String::new());
        Self { client, user, notes, pin, keys, refused: 0 }
    }

    fn present(&self) -> &str {
        self.keys.last().expect("a token")
    }

    /// Writes and reads at a process. Whatever the process answers is true.
    async fn visit(&mut self, process: &Process, note: String) {
        self.client = self.client.moved(&process.server.url(""));
        let reply = self.client.get(&format!("/note/{note}")).await;
        match reply.status {
            StatusCode::OK => {
                self.notes.insert(note.clone());
                self.pin = note;
            }
            status => {
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                assert!(!process.knows(self.present()), "a process that has the key refuses");
                assert_eq!(reply.header("retry-after"), Some("10"));
                assert_eq!(reply.set_cookies(), [""; 0]);
                self.refused += 1;
            }
        }
        self.note_key();
        let reply = self.client.get("/show").await;
        assert_eq!(reply.status, StatusCode::OK);
        if process.knows(self.present()) {
            assert_eq!(reply.body, format!("{} {:?} {}", self.user, self.notes, self.pin));
        } else {
            assert_eq!(reply.body, NOBODY);
            assert_eq!(reply.set_cookies(), [""; 0]);
        }
        self.note_key();
    }

    /// Notes the key of the present token. A session goes on under each key once at most.
    fn note_key(&mut self) {
        let key = key_of(&self.client.cookie("s").expect("a token"));
        if key != *self.present() {
            assert!(!self.keys.contains(&key), "back to an older key");
            self.keys.push(key);
        }
    }
}

/// A log-out at a process, of a session that another one has made, takes place or is an error.
async fn log_out(made: &Process, process: &Process) {
    let visitor = Visitor::new(made, true).await;
    let stolen = visitor.client.fork();
    let reply = visitor.client.moved(&process.server.url("")).get("/logout").await;
    let there = stolen.get("/show").await.body;
    if process.knows(visitor.present()) {
        assert_eq!((reply.status, there.as_str()), (StatusCode::OK, NOBODY));
    } else {
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(reply.set_cookies(), [""; 0]);
        assert_eq!(there, "ada {} ");
    }
}

/// Takes three processes through rings of keys, one process after the other. Returns how many requests
/// were refused.
async fn roll<T: App>(fleet: &Fleet, rings: &[String]) -> u32 {
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(fleet.process::<T>(&rings[0]).await);
    }
    let mut visitors = Vec::new();
    for (at, process) in [0, 1, 2, 0].into_iter().enumerate() {
        visitors.push(Visitor::new(&processes[process], at % 2 == 0).await);
    }
    let mut notes = 0;
    for keys in &rings[1..] {
        for next in 0..3 {
            // Longer than the time after which a token may be re-issued.
            fleet.minutes(11);
            processes[next] = fleet.process::<T>(keys).await;
            for round in 0..4 {
                for (at, visitor) in visitors.iter_mut().enumerate() {
                    notes += 1;
                    visitor.visit(&processes[(round + at) % 3], format!("n{notes}")).await;
                }
            }
            for at in 0..3 {
                log_out(&processes[at], &processes[(at + 1) % 3]).await;
            }
            visitors.push(Visitor::new(&processes[next], true).await);
        }
    }
    fleet.minutes(11);
    let writer = Visitor::new(&processes[0], false).await;
    for visitor in &mut visitors {
        for process in &processes {
            notes += 1;
            visitor.visit(process, format!("n{notes}")).await;
        }
        assert_eq!(visitor.present(), writer.present(), "{:?}", visitor.keys);
    }
    visitors.iter().map(|visitor| visitor.refused).sum()
}

async fn in_each_order<T: App>(encrypt: bool) {
    let (old, new, newest) = (key(), key(), key());
    let strings = |rings: &[&str]| rings.iter().map(|&ring| ring.to_owned()).collect::<Vec<_>>();
    // Everybody knows the new key before anybody writes with it.
    for rings in [
        strings(&[&old, &format!("{old} {new}"), &format!("{new} {old}")]),
        strings(&[&old, &format!("{new}@read-only {old}"), &format!("{new} {old}@read-only")]),
    ] {
        assert_eq!(roll::<T>(&Fleet::new(encrypt), &rings).await, 0, "{rings:?}");
    }
    // Two keys, one after the other, from process to process: a process may not know a key yet.
    let hasty = strings(&[&old, &format!("{new} {old}"), &format!("{newest} {new} {old}")]);
    assert_ne!(roll::<T>(&Fleet::new(encrypt), &hasty).await, 0, "the test met no unknown key");
}

#[tokio::test]
async fn a_rolling_replacement_of_keys_loses_no_session_in_a_store() {
    in_each_order::<Stored>(false).await;
}

#[tokio::test]
async fn a_rolling_replacement_of_keys_loses_no_session_that_is_sealed_in_a_store() {
    in_each_order::<Stored>(true).await;
}

#[tokio::test]
async fn a_rolling_replacement_of_keys_loses_no_session_in_a_sealed_token() {
    in_each_order::<Sealed>(false).await;
}

#[tokio::test]
async fn a_rolling_replacement_of_keys_loses_no_session_in_a_signed_token() {
    in_each_order::<Signed>(false).await;
}

async fn hand_over<T: App>() {
    let (fleet, old, new) = (Fleet::new(false), key(), key());
    let rings = [format!("{new} {old}"), format!("{old} {new}")];
    let mut visitor = Visitor::new(&fleet.process::<T>(&old).await, true).await;
    let mut processes = [fleet.process::<T>(&rings[0]).await, fleet.process::<T>(&rings[1]).await];
    for round in 0..6 {
        fleet.minutes(11);
        for at in 0..2 {
            // To a process that has just started, every token is older than its keys.
            if round % 2 == 1 {
                processes[at] = fleet.process::<T>(&rings[at]).await;
            }
            visitor.visit(&processes[at], format!("n{round}{at}")).await;
            // A log-in is a new token, and yet none under the older key.
            assert_eq!(visitor.client.get("/login").await.status, StatusCode::OK);
            visitor.note_key();
        }
    }
    assert_eq!(visitor.keys.len(), 2, "{:?}", visitor.keys);
}

#[tokio::test]
async fn processes_with_their_keys_in_different_orders_hand_no_token_back_and_forth() {
    hand_over::<Stored>().await;
    hand_over::<Sealed>().await;
    hand_over::<Signed>().await;
}

async fn reissue<T: App>() {
    let (fleet, old, new) = (Fleet::new(false), key(), key());
    let before = fleet.process::<T>(&old).await;
    let [mut visitor, mut other] =
        [Visitor::new(&before, false).await, Visitor::new(&before, false).await];
    let after = fleet.process::<T>(&format!("{new} {old}")).await;
    fleet.minutes(9);
    visitor.visit(&after, "early".to_owned()).await;
    assert_eq!(visitor.keys.len(), 1, "not within ten minutes");
    fleet.minutes(1);
    visitor.visit(&after, "late".to_owned()).await;
    assert_eq!(visitor.keys.len(), 2);
    // A key that does not write any more is left at once.
    let marked = fleet.process::<T>(&format!("{} {new}@read-only {old}@read-only", key())).await;
    visitor.visit(&marked, "last".to_owned()).await;
    other.visit(&marked, "last".to_owned()).await;
    assert_eq!((visitor.keys.len(), other.keys.len()), (3, 2));
}

#[tokio::test]
async fn a_token_is_not_reissued_within_ten_minutes_unless_its_key_does_not_write_any_more() {
    reissue::<Stored>().await;
    reissue::<Sealed>().await;
    reissue::<Signed>().await;
}

async fn unknown<T: App>() {
    let (fleet, old, new) = (Fleet::new(false), key(), key());
    let ahead = fleet.process::<T>(&new).await;
    let visitor = Visitor::new(&ahead, true).await;
    let token = visitor.client.cookie("s");
    let start = async |grace: Option<Duration>| {
        let ring = ring(&old);
        let mut builder = fleet.builder::<T>(&ring);
        if let Some(grace) = grace {
            builder = builder.unknown_key_grace(grace);
        }
        let layer = builder.build().expect("a sound layer");
        Process { server: Server::start(T::routes().layer(layer)).await, ring }
    };
    let behind = start(None).await;
    // Long after its start: the time begins anew with the first token under the key.
    fleet.minutes(60);
    for _ in 0..2 {
        let client = visitor.client.moved(&behind.server.url(""));
        for path in ["/show", "/peek"] {
            let reply = client.get(path).await;
            assert_eq!(reply.status, StatusCode::OK);
            assert!(["", NOBODY].contains(&reply.body.as_str()), "{}", reply.body);
            assert_eq!(reply.set_cookies(), [""; 0]);
        }
        for path in ["/note/a", "/create", "/logout"] {
            let reply = client.get(path).await;
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(reply.header("retry-after"), Some("10"));
            assert_eq!(reply.set_cookies(), [""; 0]);
        }
        assert_eq!(client.cookie("s"), token);
        assert_eq!(visitor.client.get("/show").await.body, "ada {} ", "it is live all the while");
        let reply = client.get("/login").await;
        assert_eq!((reply.status, reply.set_cookies().len()), (StatusCode::OK, 1));
        assert_eq!(client.get("/show").await.body, "ada {} ");
        fleet.minutes(14);
    }
    fleet.minutes(1);
    let client = visitor.client.moved(&behind.server.url(""));
    assert_eq!(client.get("/show").await.set_cookies().len(), 1);
    assert_eq!(client.cookie("s"), None, "afterwards the token is stale");
    // A reload begins the time anew.
    assert!(behind.ring.replace(&ring(&format!("{old} {}", key()))).expect("sound keys"));
    let client = visitor.client.moved(&behind.server.url(""));
    assert_eq!(client.get("/note/a").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let strict = start(Some(Duration::ZERO)).await;
    let client = visitor.client.moved(&strict.server.url(""));
    assert_eq!(client.get("/note/a").await.status, StatusCode::OK);
    assert_ne!(client.cookie("s"), token);
}

#[tokio::test]
async fn a_token_under_a_key_that_is_not_there_yet_is_nobodys_and_stays() {
    unknown::<Stored>().await;
    unknown::<Sealed>().await;
    unknown::<Signed>().await;
}

#[tokio::test]
async fn unknown_keys_are_one_warning_a_minute_and_the_keys_of_a_ring_are_told() {
    let log = Log::of_this_thread();
    let (fleet, old, new) = (Fleet::new(false), key(), key());
    let ahead = fleet.process::<Stored>(&new).await;
    let visitor = Visitor::new(&ahead, false).await;
    let behind = fleet.process::<Stored>(&old).await;
    let id = visitor.present().to_owned();
    let lines = |level: &str, part: &str| {
        let text = log.text();
        let found = text.lines().filter(|line| line.contains(level) && line.contains(part));
        found.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines("INFO", &id).len(), 1, "at the start of the one that has it");
    let client = visitor.client.moved(&behind.server.url(""));
    for _ in 0..300 {
        client.get("/show").await;
    }
    let warned = lines("WARN", &id);
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("count=1"), "{warned:?}");
    fleet.minutes(1);
    client.get("/show").await;
    let warned = lines("WARN", &id);
    assert!(warned.len() == 2 && warned[1].contains("count=300"), "{warned:?}");
    behind.ring.replace(&ring(&format!("{old} {new}"))).expect("sound keys");
    assert_eq!(lines("INFO", &id).len(), 2, "and at the reload");
    assert_eq!(client.get("/show").await.body, "nobody {} ");
    assert_eq!(lines("WARN", &id).len(), 2);
}

async fn reloaded<T: App>(encrypt: bool) {
    let (fleet, old, new) = (Fleet::new(encrypt), key(), key());
    let process = fleet.process::<T>(&old).await;
    let [mut visitor, mut other] =
        [Visitor::new(&process, true).await, Visitor::new(&process, false).await];
    for (minutes, keys) in [
        (0, format!("{old} {new}")),
        (0, format!("{new} {old}")),
        (11, format!("{new} {old}@read-only")),
    ] {
        fleet.minutes(minutes);
        assert!(process.ring.replace(&ring(&keys)).expect("sound keys"));
        for round in 0..3 {
            visitor.visit(&process, format!("n{round}")).await;
            other.visit(&process, format!("m{round}")).await;
        }
    }
    assert_eq!((visitor.keys.len(), other.keys.len()), (2, 2));
    assert!(process.ring.replace(&ring(&old)).expect("sound keys"));
    assert_eq!(visitor.client.get("/show").await.body, NOBODY, "the key is gone at once");
    assert!(process.ring.replace(&ring(&format!("{new} {old}"))).expect("sound keys"));
    visitor.visit(&process, "again".to_owned()).await;
    assert_eq!((visitor.refused, other.refused), (0, 0));
}

#[tokio::test]
async fn the_keys_of_a_ring_are_replaced_while_the_program_runs() {
    reloaded::<Stored>(false).await;
    reloaded::<Stored>(true).await;
    reloaded::<Sealed>(false).await;
    reloaded::<Signed>(false).await;
}

#[tokio::test]
async fn a_changed_key_file_is_found_and_a_broken_one_changes_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("keys");
    let keys = KeyRing::from_file_or_create(&path).expect("a new key");
    let keys = keys.reload_every(Duration::from_millis(5)).expect("a thread");
    let before = format!("{keys:?}");
    std::fs::write(&path, "no key").expect("written");
    assert!(keys.reload().is_err());
    assert_eq!(format!("{keys:?}"), before);
    let new = key();
    std::fs::write(&path, &new).expect("written");
    let expected = format!("{:?}", ring(&new));
    eventually("the new key is there", async || format!("{keys:?}") == expected).await;
}

#[test]
fn keys_under_which_another_session_type_has_the_name_do_not_replace_others() {
    let (fleet, shared, own) = (Fleet::new(false), key(), key());
    let stored = ring(&shared);
    let _stored = fleet.builder::<Stored>(&stored).build().expect("a sound layer");
    let sealed = ring(&own);
    let _sealed = fleet.builder::<Sealed>(&sealed).build().expect("another key");
    let before = format!("{sealed:?}");
    let error = sealed.replace(&ring(&format!("{own} {shared}"))).expect_err("the key is taken");
    assert!(error.to_string().contains("belongs to the session type"), "{error}");
    assert_eq!(format!("{sealed:?}"), before);
}

/// A ring that is alone in its process is never behind another one: after a restart with another key,
/// nobody waits for the old one.
#[tokio::test]
async fn a_token_of_before_a_restart_with_an_ephemeral_key_is_stale_at_once() {
    let fleet = Fleet::new(false);
    fleet.store.pretend(Properties::default());
    let start = async || {
        let ring = KeyRing::ephemeral().expect("random bytes");
        let layer = fleet.builder::<Stored>(&ring).build().expect("a sound layer");
        Process { server: Server::start(Stored::routes().layer(layer)).await, ring }
    };
    let (before, after) = (start().await, start().await);
    let visitor = Visitor::new(&before, true).await;
    let token = visitor.client.cookie("s");
    let client = visitor.client.moved(&after.server.url(""));
    assert_eq!(client.get("/note/a").await.status, StatusCode::OK);
    assert_ne!(client.cookie("s"), token);
    assert_eq!(client.get("/show").await.body, r#"nobody {"a"} a"#);
}

/// Makes a session under the key `old`, and lets it move on to the key `new`.
async fn moved_on(fleet: &Fleet, old: &str, new: &str, logs_in: bool) -> Visitor {
    let [before, both] = [
        fleet.process::<Stored>(old).await,
        fleet.process::<Stored>(&format!("{new} {old}")).await,
    ];
    let mut visitor = Visitor::new(&before, logs_in).await;
    visitor.visit(&before, "kept".to_owned()).await;
    fleet.minutes(11);
    visitor.client = visitor.client.moved(&both.server.url(""));
    assert!(visitor.client.get("/show").await.body.ends_with(r#"{"kept"} kept"#));
    visitor.note_key();
    assert_eq!(visitor.keys.len(), 2, "the token is re-issued");
    visitor
}

#[tokio::test]
async fn a_secret_outlives_the_key_that_it_was_written_under() {
    for encrypt in [false, true] {
        let (fleet, old, new) = (Fleet::new(encrypt), key(), key());
        let visitor = moved_on(&fleet, &old, &new, false).await;
        let after = fleet.process::<Stored>(&new).await;
        let client = visitor.client.moved(&after.server.url(""));
        assert_eq!(client.get("/show").await.body, r#"nobody {"kept"} kept"#);
    }
}

/// Where the index hides principals, a key hides them. When that key is gone, nobody finds the
/// sessions that logged in under it, and an end of all sessions would leave them alive.
#[tokio::test]
async fn a_session_that_its_principal_cannot_find_any_more_is_over() {
    let (fleet, old, new) = (Fleet::new(true), key(), key());
    let visitor = moved_on(&fleet, &old, &new, true).await;
    let [both, after] = [
        fleet.process::<Stored>(&format!("{new} {old}")).await,
        fleet.process::<Stored>(&new).await,
    ];
    let at = |process: &Process| visitor.client.moved(&process.server.url(""));
    assert_eq!(at(&after).get("/show").await.body, NOBODY);
    // A log-in enters the session into the index under the new key.
    let again = at(&both);
    assert_eq!(again.get("/login").await.status, StatusCode::OK);
    let again = again.moved(&after.server.url(""));
    assert_eq!(again.get("/show").await.body, r#"ada {"kept"} kept"#);
}

#[tokio::test]
async fn a_list_with_a_session_under_a_key_that_is_still_to_come_is_an_error_and_an_end_ends_it() {
    for encrypt in [false, true] {
        let (fleet, old, new) = (Fleet::new(encrypt), key(), key());
        let behind = fleet.builder::<Stored>(&ring(&old)).build().expect("a sound layer");
        let sessions = behind.sessions();
        let visitor = moved_on(&fleet, &old, &new, true).await;
        let of = sessions.of(&"ada".to_owned());
        let refused = [
            of.list(None).await.map(drop),
            of.change(|s| s.insert_notes("news".to_owned())).await.map(drop),
        ];
        for refused in refused {
            let error = refused.expect_err("the session would be missing");
            assert!(error.is_unknown_key(), "{error}");
        }
        let both = fleet.process::<Stored>(&format!("{new} {old}")).await;
        let client = visitor.client.moved(&both.server.url(""));
        assert_eq!(client.get("/show").await.body, r#"ada {"kept"} kept"#);
        assert_eq!(of.end_all().await.expect("ended").count, 1);
        assert_eq!(client.get("/show").await.body, NOBODY);
    }
}
