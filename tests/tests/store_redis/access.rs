//! Who may do what: TLS, passwords, a user with few rights, URLs that cannot be used, and what a
//! dump of the server tells.

use std::{fs, path::Path, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use session_runtime::store::{Op, RedisStore, Store};
use session_runtime::testing::conformance::Repository as _;
use tempfile::TempDir;
use tests::{
    Watched,
    backend::{
        free_port,
        kind::Written as _,
        redis::{Cluster, Redis, Sentinels},
    },
};

use crate::support::{
    END_OLDEST, add, at, bytes, cap, commit, connect, key, log_in, on_its_own_thread, owned,
    record, told, touch,
};

/// Certificates of an authority of its own.
struct Authority {
    directory: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(parameters, key).expect("a certificate");
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        fs::write(directory.path().join("ca.pem"), issuer.pem()).expect("a file");
        let authority = Self { directory, issuer };
        authority.certify("server", &["127.0.0.1", "localhost"]);
        authority.certify("client", &["client"]);
        authority.certify("other", &["elsewhere.example"]);
        authority
    }

    fn certify(&self, name: &str, hosts: &[&str]) {
        let key = KeyPair::generate().expect("a key");
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let mut parameters = CertificateParams::new(hosts).expect("names");
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        fs::write(self.path(&format!("{name}.pem")), certificate.pem()).expect("a file");
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).expect("a file");
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// A server that talks over TLS only, with this certificate.
    fn server(&self, certificate: &str, clients: &str) -> (Redis, u16) {
        let port = free_port().to_string();
        let server = Redis::start(&[
            "--tls-port",
            &port,
            "--tls-cert-file",
            &self.path(&format!("{certificate}.pem")),
            "--tls-key-file",
            &self.path(&format!("{certificate}.key")),
            "--tls-ca-cert-file",
            &self.path("ca.pem"),
            "--tls-auth-clients",
            clients,
        ]);
        (server, port.parse().expect("a port"))
    }
}

async fn refusal(url: &str) -> String {
    match RedisStore::connect(url).await {
        Ok(_) => panic!("{url}: a store that must not open did"),
        Err(error) => told(&error),
    }
}

#[tokio::test]
async fn tls_trusts_the_given_authority_and_no_other() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (_server, port) = ours.server("server", "no");
    let store = connect(&format!("rediss://127.0.0.1:{port}?ca={}", ours.path("ca.pem"))).await;
    let key = key("tls", 1);
    store.insert_capped(&key, record(0), None).await.expect("an insert");
    assert_eq!(store.load(&key).await.expect("a load").as_deref(), Some(&record(0)));
    let named = format!("rediss://localhost:{port}/3?ca={}", ours.path("ca.pem"));
    assert_eq!(connect(&named).await.load(&key).await.expect("a load"), None, "another database");
    for wrong in [
        // Somebody else's authority; those of the public; no TLS at all.
        format!("rediss://127.0.0.1:{port}?ca={}", theirs.path("ca.pem")),
        format!("rediss://127.0.0.1:{port}"),
        format!("redis://127.0.0.1:{port}"),
    ] {
        let told = refusal(&wrong).await;
        assert!(told.contains(&format!("127.0.0.1:{port}")), "{told}");
    }
    let told = refusal(&format!("rediss://127.0.0.1:{port}?ca={}", theirs.path("ca.pem"))).await;
    assert!(told.contains("certificate"), "{told}");
    // A certificate of the right authority for another host.
    let (_server, port) = ours.server("other", "no");
    let told = refusal(&format!("rediss://127.0.0.1:{port}?ca={}", ours.path("ca.pem"))).await;
    assert!(told.contains("certificate"), "{told}");
    let told = refusal("rediss://127.0.0.1:1?ca=/no/such/file").await;
    assert!(told.contains("/no/such/file"), "{told}");
}

#[tokio::test]
async fn a_server_may_ask_for_a_certificate() {
    let authority = Authority::new();
    let (_server, port) = authority.server("server", "yes");
    let url = format!("rediss://127.0.0.1:{port}?ca={}", authority.path("ca.pem"));
    refusal(&url).await;
    let (certificate, key) = (authority.path("client.pem"), authority.path("client.key"));
    connect(&format!("{url}&cert={certificate}&key={key}")).await;
}

/// The rights that the documentation names.
const RIGHTS: &str = "~session:* resetchannels &session:bus -@all +get +getrange +set +setrange +del +time \
    +persist +pexpire +pttl +zadd +zcard +zrange +zrandmember +zrem \
    +evalsha +eval +multi +exec +publish +subscribe";

/// The time within which a server surely answers a user who may listen.
const SOON: Duration = Duration::from_secs(5);

/// All that a store does.
async fn everything(store: &impl Store) {
    let watched = tokio::time::timeout(SOON, Watched::of(store)).await;
    watched.expect("a watch that begins").hears_from(store).await;
    let ada = session_runtime::store::PrincipalKey::new("ada");
    for number in 0..40 {
        let key = key("all", number);
        store.insert_capped(&key, record(number), None).await.expect("an insert");
        let ops = [
            add(1),
            Op::Set { field: "f".into(), value: bytes("1") },
            Op::Insert { field: "s".into(), member: "m".into() },
            Op::Clear { keep: vec!["s".into()] },
        ];
        store.commit(&key, &commit(number, ops)).await.expect("a commit");
        store.commit(&key, &log_in(number, "ada", None)).await.expect("a log-in");
    }
    let newest = key("all", 100);
    // One log-in ends only so many.
    for key in [&key("all", 99), &newest] {
        store
            .insert_capped(key, owned(100, "ada"), Some(cap(3, END_OLDEST)))
            .await
            .expect("a log-in");
    }
    let mut longer = touch(101);
    longer.lifetime = Some(record(1_000_000_000).meta.lifetime);
    store.commit(&newest, &longer).await.expect("a longer life");
    longer.lifetime = longer.lifetime.map(|mut lifetime| {
        lifetime.absolute_until = session_runtime::clock::Timestamp::MAX;
        lifetime
    });
    store.commit(&newest, &longer).await.expect("a life for ever");
    assert_eq!(store.list_live(&newest.namespace, &ada, at(102)).await.expect("a list").len(), 3);
    let mut log_out = touch(103);
    log_out.principal = Some(None);
    store.commit(&newest, &log_out).await.expect("a log-out");
    store.remove(&newest, None).await.expect("a deletion");
    let left = store.end_all(&newest.namespace, &ada, None).await.expect("a deletion");
    assert_eq!(left, 2);
}

#[tokio::test]
async fn a_user_with_the_rights_of_the_documentation_can_do_everything() {
    let server = Redis::volatile();
    let rights = RIGHTS.split_whitespace();
    let command: Vec<&str> =
        ["ACL", "SETUSER", "shop", "on", ">p@ss:w/rd%"].into_iter().chain(rights).collect();
    let _ = server.ask(&command);
    let _ = server.ask(&["ACL", "SETUSER", "default", "off"]);
    let at = format!("127.0.0.1:{}", server.port());
    everything(&connect(&format!("redis://shop:p%40ss:w%2Frd%25@{at}")).await).await;
    // What is missing shows at once.
    let told = refusal(&format!("redis://shop:p%40ss:w%2Frd%25@{at}?prefix=other:")).await;
    assert!(told.contains("NOPERM"), "{told}");
    for (url, password) in [
        (format!("redis://shop:wrong-1@{at}"), "wrong-1"),
        (format!("redis://nobody:wrong-2@{at}"), "wrong-2"),
        (format!("redis://:wrong-3@{at}"), "wrong-3"),
    ] {
        let told = refusal(&url).await;
        assert!(told.contains(&at) && !told.contains(password), "{told}");
    }
    let told = refusal(&format!("redis://{at}")).await;
    assert!(told.contains(&at), "{told}");
}

#[tokio::test]
async fn a_user_with_any_right_of_the_documentation_less_cannot_do_everything() {
    no_right_is_too_many(&Redis::volatile()).await;
}

#[tokio::test]
async fn on_valkey_the_rights_of_the_documentation_are_exactly_sufficient() {
    let server = Redis::valkey();
    allow([&server], "all", &format!("{RIGHTS} +select"));
    let at = format!("127.0.0.1:{}", server.port());
    everything(&connect(&format!("redis://all:secret@{at}/3")).await).await;
    no_right_is_too_many(&server).await;
}

async fn no_right_is_too_many(server: &Redis) {
    let at = format!("127.0.0.1:{}", server.port());
    for right in RIGHTS.split_whitespace().filter(|right| right.starts_with('+')) {
        let _ = server.ask(&["FLUSHALL"]);
        let _ = server.ask(&["SCRIPT", "FLUSH"]);
        let _ = server.ask(&["ACL", "DELUSER", "shop"]);
        let rights = RIGHTS.split_whitespace().filter(|it| *it != right);
        let user = ["ACL", "SETUSER", "shop", "on", ">secret"];
        let command: Vec<&str> = user.into_iter().chain(rights).collect();
        let _ = server.ask(&command);
        let Ok(store) = RedisStore::connect(&format!("redis://shop:secret@{at}")).await else {
            continue;
        };
        let is_done = tokio::spawn(async move { everything(&store).await }).await.is_ok();
        // What is left in an index is no failure of an operation.
        let left: i64 = redis::from_redis_value(server.ask(&["DBSIZE"])).expect("a number");
        assert!(!is_done || left > 0, "{right} is not needed");
    }
}

/// Gives a user the rights of the documentation, and these.
fn allow<'a>(servers: impl IntoIterator<Item = &'a Redis>, name: &str, rights: &str) {
    let user = ["ACL", "SETUSER", name, "on", ">secret"];
    let command: Vec<&str> = user.into_iter().chain(rights.split_whitespace()).collect();
    for server in servers {
        let _ = server.ask(&command);
    }
}

#[tokio::test]
async fn for_another_database_than_the_first_a_user_needs_one_more_right() {
    let server = Redis::volatile();
    allow([&server], "shop", &format!("{RIGHTS} +select"));
    allow([&server], "less", RIGHTS);
    let at = format!("127.0.0.1:{}", server.port());
    everything(&connect(&format!("redis://shop:secret@{at}/3")).await).await;
    let told = refusal(&format!("redis://less:secret@{at}/3")).await;
    assert!(told.contains("'select' command"), "{told}");
}

/// The rights of the documentation in a Cluster. Without `ping`, each look at the Cluster makes all
/// connections anew; `asking` is for slots that move.
const IN_A_CLUSTER: &str = "+cluster|slots +ping +asking";

#[tokio::test]
async fn in_a_cluster_a_user_needs_three_more_rights_and_two_less() {
    let held = crate::support::cluster().await;
    let (one_server, more) = (RIGHTS.replace("+multi +exec", ""), IN_A_CLUSTER);
    let url = on_its_own_thread(move || {
        let cluster = Cluster::shared();
        let nodes = cluster.nodes();
        allow(nodes.iter(), "shop", &format!("{one_server} {more}"));
        allow(nodes.iter(), "slotless", &format!("{one_server} +ping +asking"));
        allow(nodes.iter(), "readless", &format!("{one_server} {more} -get"));
        allow(nodes.iter(), "indexless", &format!("{one_server} {more} -zadd"));
        drop(nodes);
        cluster.url()
    })
    .await;
    everything(&connect(&url.replace("://", "://shop:secret@")).await).await;
    for less in ["slotless", "readless", "indexless"] {
        let told = refusal(&url.replace("://", &format!("://{less}:secret@"))).await;
        assert!(!told.contains("secret"), "{told}");
    }
    drop(held);
}

#[tokio::test]
async fn under_sentinels_a_user_needs_one_more_right() {
    let held = crate::support::sentinels().await;
    let url = on_its_own_thread(|| {
        let group = Sentinels::shared();
        allow(group.servers().iter(), "shop", &format!("{RIGHTS} +role"));
        allow(group.servers().iter(), "less", RIGHTS);
        group.url()
    })
    .await;
    everything(&connect(&url.replace("://", "://shop:secret@")).await).await;
    refusal(&url.replace("://", "://less:secret@")).await;
    drop(held);
}

#[tokio::test]
async fn a_dump_holds_the_values_as_they_were_given_and_nothing_of_the_connection() {
    let server = Redis::start(&["--rdbcompression", "no"]);
    let _ = server.ask(&["ACL", "SETUSER", "shop", "on", ">kingfisher", "~*", "+@all"]);
    let at = format!("127.0.0.1:{}", server.port());
    let store = connect(&format!("redis://shop:kingfisher@{at}")).await;
    let mut session = owned(0, "\"ada\"");
    session.set("note", bytes("sealed elsewhere"));
    let key = key("shop", 1);
    store.insert_capped(&key, session, None).await.expect("an insert");
    let dump = server.dump();
    let has = |text: &[u8]| dump.windows(text.len()).any(|window| window == text);
    assert!(has(b"sealed elsewhere") && has(key.to_string().as_bytes()), "it is the dump");
    assert!(!has(b"kingfisher"), "the password is in it");
    // The name of an index does not tell whose it is.
    let names = String::from_utf8_lossy(&dump).into_owned();
    assert!(names.contains("session:principal:shop:") && !names.contains("shop:\"ada\""));
    assert!(!format!("{store:?}").contains("kingfisher"), "{store:?}");
    assert!(Path::new(server.directory()).join("dump.rdb").is_file());
}
