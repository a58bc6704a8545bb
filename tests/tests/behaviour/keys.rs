//! Key rings at work: rotation without logging anybody out, retirement, and what is refused.

#![allow(clippy::unchecked_time_subtraction, reason = "constants that are seen to be larger")]

use std::{sync::Arc, time::Duration};

use session_runtime::{
    Key, KeyRing, SessionLayer, SessionType,
    clock::{Clock, ManualClock},
    store::{MemoryStore, Properties},
};
use tests::{
    Client, Server, Spy,
    sessions::{self, Sealed, Stored},
    spy,
};

fn key() -> String {
    Key::generate().expect("random bytes").to_base64().to_string()
}

fn ring(text: &str) -> KeyRing {
    KeyRing::from_text(text).expect("sound keys")
}

async fn stored(store: &Spy<MemoryStore>, keys: &str, clock: &Arc<ManualClock>) -> Server {
    let layer = SessionLayer::<Stored>::builder(ring(keys))
        .store(store.clone())
        .clock(Arc::clone(clock))
        .insecure_dev()
        .build()
        .expect("a sound layer");
    Server::start(sessions::routes::<Stored>().layer(layer)).await
}

async fn sealed(keys: &str, clock: &Arc<ManualClock>) -> Server {
    let layer = SessionLayer::<Sealed>::builder(ring(keys))
        .clock(Arc::clone(clock))
        .accept_replay_until_expiry()
        .insecure_dev()
        .build()
        .expect("a sound layer");
    Server::start(sessions::routes::<Sealed>().layer(layer)).await
}

#[tokio::test]
async fn a_new_first_key_reissues_old_tokens_exactly_once() {
    let (old, new) = (key(), key());
    let (store, clock) = (spy(MemoryStore::default()), Arc::new(ManualClock::default()));
    let before = stored(&store, &old, &clock).await;
    let client = Client::new(&before);
    client.get("/set").await;
    let after = stored(&store, &format!("{new},{old}"), &clock).await;
    clock.advance(Duration::from_secs(600));
    let client = client.moved(&after.url(""));
    let parallel = client.fork();
    assert_eq!(client.get("/read").await.set_cookies().len(), 1, "re-issued");
    let reply = parallel.get("/read").await;
    assert_eq!(reply.body, "dark", "a parallel request with the old token survives");
    assert!(reply.set_cookies().is_empty(), "and is not re-issued again");
    for _ in 0..3 {
        let reply = client.get("/read").await;
        assert_eq!(reply.body, "dark");
        assert!(reply.set_cookies().is_empty(), "once");
    }
    let only_new = stored(&store, &new, &clock).await;
    assert_eq!(client.moved(&only_new.url("")).get("/read").await.body, "dark");
    store.take_calls();
    assert_eq!(parallel.moved(&only_new.url("")).get("/read").await.body, "");
    assert_eq!(store.take_calls(), [""; 0], "an unknown key costs no store access");
}

#[tokio::test]
async fn a_sealed_payload_is_sealed_anew_under_the_new_key_once() {
    let (old, new) = (key(), key());
    let clock = Arc::new(ManualClock::default());
    let before = sealed(&old, &clock).await;
    let client = Client::new(&before);
    client.get("/set").await;
    let after = sealed(&format!("{new},{old}"), &clock).await;
    clock.advance(Duration::from_secs(600));
    let client = client.moved(&after.url(""));
    let reply = client.get("/read").await;
    assert_eq!((reply.body.as_str(), reply.set_cookies().len()), ("dark", 1));
    let reply = client.get("/read").await;
    assert_eq!((reply.body.as_str(), reply.set_cookies().len()), ("dark", 0));
    let only_new = sealed(&new, &clock).await;
    assert_eq!(client.moved(&only_new.url("")).get("/read").await.body, "dark");
}

#[tokio::test]
async fn a_key_reads_until_its_not_after() {
    let (old, new) = (key(), key());
    let (store, clock) = (spy(MemoryStore::default()), Arc::new(ManualClock::default()));
    let before = stored(&store, &old, &clock).await;
    let client = Client::new(&before);
    client.get("/set").await;
    // The manual clock starts on 1 January 2026.
    let after = stored(&store, &format!("{new}, {old}@2026-01-01T00:10:00Z"), &clock).await;
    let start = clock.now();
    let minutes = |count: u64| Duration::from_secs(60 * count);
    clock.set(start.saturating_add(minutes(10) + Duration::from_millis(1)));
    assert_eq!(client.moved(&after.url("")).get("/read").await.body, "");
    clock.set(start.saturating_add(minutes(10)));
    assert_eq!(client.moved(&after.url("")).get("/read").await.body, "dark");
}

#[test]
fn weak_and_known_secrets_are_refused_without_being_repeated() {
    let hex = |byte: &str| byte.repeat(32);
    for secret in [
        "",
        "short",
        "keyboard cat",
        &hex("00"),
        &hex("ff"),
        &hex("ab"),
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "correct horse battery staple and more",
        &format!("{},short", key()),
        &format!("{},not base64 !!", key()),
        &format!("{}@tomorrow", key()),
    ] {
        let error = KeyRing::from_text(secret).expect_err(secret).to_string();
        for part in secret.split([',', ' ', '@']).filter(|part| part.len() > 8) {
            assert!(!error.contains(part), "{error}");
        }
        assert!(!error.is_empty());
    }
    let one = key();
    assert!(KeyRing::from_text(&format!("{one},{one}")).is_err(), "a duplicate");
}

#[test]
fn an_ephemeral_ring_is_refused_with_any_store_that_outlives_it() {
    let build = |properties| {
        let store = spy(MemoryStore::default());
        store.pretend(properties);
        let ephemeral = || KeyRing::ephemeral().expect("random bytes");
        let generated = || KeyRing::generate().expect("random bytes");
        let stored = |keys| SessionLayer::<Stored>::new(store.clone(), keys).map(drop);
        let sealed = |keys| {
            SessionLayer::<Sealed>::builder(keys).revocation(store.clone()).build().map(drop)
        };
        [stored(ephemeral()), sealed(ephemeral()), stored(generated()), sealed(generated())]
    };
    assert!(build(Properties::IN_PROCESS)[..3].iter().all(Result::is_ok));
    for properties in [Properties::DURABLE, Properties::SHARED] {
        let results = build(properties);
        for refused in &results[..2] {
            let error = refused.as_ref().expect_err("ephemeral keys");
            assert!(error.is_config() && error.to_string().contains("ephemeral"), "{error}");
        }
        assert!(results[2..].iter().all(Result::is_ok), "{properties:?}");
    }
}

#[test]
fn a_revocation_store_that_forgets_is_refused_with_keys_that_last() {
    let build = |keys: KeyRing, properties| {
        let store = spy(MemoryStore::default());
        store.pretend(properties);
        SessionLayer::<Sealed>::builder(keys).revocation(store).build().map(drop)
    };
    let lasting = || KeyRing::generate().expect("random bytes");
    assert!(build(KeyRing::ephemeral().expect("random bytes"), Properties::IN_PROCESS).is_ok());
    assert!(build(lasting(), Properties::SHARED).is_ok());
    let mut evicting = Properties::SHARED;
    evicting.evicts = true;
    for (properties, problem) in
        [(Properties::IN_PROCESS, "forgets with this process"), (evicting, "noeviction")]
    {
        let error = build(lasting(), properties).expect_err("it forgets");
        assert!(error.is_config() && error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn keys_come_from_the_environment_or_a_private_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("keys");
    std::fs::write(&path, format!("# newest first\n{}\n{}\n", key(), key())).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode));
        mode(0o644).expect("changed");
        let error = KeyRing::from_file(&path).expect_err("others can read it").to_string();
        assert!(error.contains("chmod"), "{error}");
        mode(0o600).expect("changed");
    }
    KeyRing::from_file(&path).expect("two sound keys");
    let missing = KeyRing::from_file(directory.path().join("none")).expect_err("no file");
    assert!(missing.to_string().contains("none"), "{missing}");
    let unset = KeyRing::from_env("SESSION_KEYS_THAT_NOBODY_SETS").expect_err("not set");
    assert!(unset.to_string().contains("SESSION_KEYS_THAT_NOBODY_SETS"), "{unset}");
}

#[test]
fn the_session_types_of_this_file_differ_in_nothing_but_their_payload() {
    assert_eq!(Stored::spec().name, Sealed::spec().name);
}
