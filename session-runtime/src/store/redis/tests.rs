//! URLs, and what their errors say; the text of entries.

use super::{
    entry::{Attempt, Entry, LogIn, Member, place},
    key::Owner,
    url::{Kind, Target},
};
use crate::{
    clock::Timestamp,
    store::{Cursor, PrincipalKey, Selector},
};

fn target(url: &str) -> Target {
    Target::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn hosts(target: &Target) -> Vec<(&str, u16)> {
    target.hosts.iter().map(|(host, port)| (host.as_str(), *port)).collect()
}

#[test]
fn a_url_names_the_servers() {
    let plain = target("redis://cache");
    assert!(matches!(plain.kind, Kind::Server) && plain.tls.is_none());
    assert_eq!(hosts(&plain), [("cache", 6379)]);
    assert_eq!((plain.database, plain.prefix.as_str()), (0, "session:"));
    let full = target("REDISS://user:p%40s%2Fs:w@[::1]:7000/5?prefix=shop%3A&ca=/etc/ca.pem");
    assert_eq!(hosts(&full), [("::1", 7000)]);
    assert_eq!((full.database, full.prefix.as_str()), (5, "shop:"));
    assert_eq!(full.login.user.as_deref(), Some("user"));
    assert_eq!(full.login.password.as_deref(), Some("p@s/s:w"));
    assert!(full.tls.is_some_and(|tls| tls.ca.is_some() && tls.client.is_none()));
    let nobody = target("redis://:secret@cache/");
    assert_eq!((nobody.login.user, nobody.login.password), (None, Some("secret".to_owned())));
    let cluster = target("redis+cluster://u:p@a:1,b,c:3");
    assert!(matches!(cluster.kind, Kind::Cluster));
    assert_eq!(hosts(&cluster), [("a", 1), ("b", 6379), ("c", 3)]);
    let socket = target("redis+unix:///run/a%20b.sock?db=3&user=u&pass=p%40ss&prefix=shop:");
    assert!(matches!(&socket.kind, Kind::Socket(path) if path.as_os_str() == "/run/a b.sock"));
    assert_eq!((socket.database, socket.prefix.as_str()), (3, "shop:"));
    assert_eq!(
        (socket.login.user.as_deref(), socket.login.password.as_deref()),
        (Some("u"), Some("p@ss"))
    );
    assert_eq!((socket.to_string().as_str(), socket.hosts.len()), ("Redis at /run/a b.sock", 0));
    assert!(matches!(target("unix:/run/redis.sock").kind, Kind::Socket(_)));
    let url = "rediss+sentinel://u:p@a,b:2/main/7?sentinel_user=s&sentinel_password=t&cert=c&key=k";
    let sentinels = target(url);
    assert_eq!((hosts(&sentinels), sentinels.database), (vec![("a", 26379), ("b", 2)], 7));
    let Kind::Sentinels { master, login } = sentinels.kind else { panic!("not Sentinels") };
    assert_eq!((master.as_str(), login.user.as_deref()), ("main", Some("s")));
    assert_eq!(login.password.as_deref(), Some("t"));
    assert!(sentinels.tls.is_some_and(|tls| tls.client.is_some()));
}

#[test]
fn a_url_that_cannot_be_used_is_told_what_is_wrong_and_never_repeated() {
    for (url, problem) in [
        ("hunter2", "no `://`"),
        ("redis:hunter2", "no `://`"),
        ("http://hunter2", "scheme"),
        ("redis+hunter2://cache", "scheme"),
        ("redisshunter2://cache", "scheme"),
        ("redis://", "host is missing"),
        ("redis://a,", "host is missing"),
        ("redis://cache:hunter2", "port"),
        ("redis://cache:0", "port"),
        ("redis://cache:65536", "port"),
        ("redis://[::1", "IPv6"),
        ("redis://[::1]hunter2", "port"),
        ("redis://hunter2@cache", "`user:password`"),
        ("redis://user:@cache", "password is empty"),
        ("redis://user:hun%ter2@cache", "percent-encoded"),
        ("redis://user:hun%ff@cache", "percent-encoded"),
        ("redis://user:hun%2@cache", "percent-encoded"),
        ("redis://user:hun%+2@cache", "percent-encoded"),
        // Passwords whose `/` and `?` are not encoded.
        ("redis://user:hunter2/hunter2@cache", "written `%2F`"),
        ("redis://user:1/hunter2@cache", "database"),
        ("redis://user:1?hunter2@cache", "no `=`"),
        ("redis://user:1?hunter2=@cache", "unknown"),
        ("redis://cache/-1", "database"),
        ("redis://cache/hunter2", "database"),
        ("redis://cache/0/hunter2", "too many parts"),
        ("redis://a,b", "several hosts"),
        ("redis+cluster://a,b/1", "database 0"),
        ("redis+cluster://a?prefix={x}", "one node"),
        ("redis+sentinel://a,b", "name the master"),
        ("redis://cache?ca=/x", "need `rediss`"),
        ("rediss://cache?cert=/x", "go together"),
        ("redis://cache?prefix=a&prefix=b", "twice"),
        ("redis://cache?sentinel_password=hunter2", "belong to"),
        ("redis://cache?pass=hunter2", "belong to"),
        ("unix://hunter2", "absolute path"),
        ("redis+unix:hunter2", "absolute path"),
        ("unix:///a?db=hunter2", "database"),
        ("unix:///a?password=hunter2", "unknown"),
        ("unix:///a?ca=hunter2", "need `rediss`"),
        ("unix:///a?sentinel_user=hunter2", "belong to"),
    ] {
        let Err(error) = Target::parse(url) else { panic!("{url} is accepted") };
        let told = error.to_string();
        assert!(told.contains(problem), "{url}: {told}");
        assert!(!told.contains("hunter2") && !told.contains("hun%"), "{url}: {told}");
    }
}

fn entry(at: u64) -> Entry {
    let log_in =
        LogIn { owner: Owner::of(&PrincipalKey::new("\"ada\"")), at: Timestamp::from_millis(at) };
    let attempt = Attempt::random(1_767_225_600).expect("random bytes");
    Entry { log_in, ends: Timestamp::MAX, attempt }
}

#[test]
fn an_entry_reads_back_from_a_session_and_from_an_index() {
    let selector = Selector::from_bytes([0xfe; 16]);
    for at in [0, 1_767_225_600_000, u64::MAX] {
        let entry = entry(at);
        let text = entry.text();
        assert_eq!(Entry::read(text.as_bytes()), Some(entry.clone()));
        let member = entry.member(selector);
        let read = Member::read(member.as_bytes()).expect("a member");
        assert_eq!(read.text(), member);
        assert_eq!(read.place, Cursor::new(Timestamp::from_millis(at), selector));
        assert!(read.is_named(&entry, &entry.log_in.owner));
        let other = self::entry(at);
        assert!(!read.is_named(&other, &entry.log_in.owner), "another attempt at the log-in");
        assert!(!read.is_named(&entry, &Owner::of(&PrincipalKey::new("\"eve\""))));
        for length in 0..text.len() {
            assert_eq!(Entry::read(&text.as_bytes()[..length]), None);
        }
        for length in 0..member.len() {
            assert_eq!(Member::read(&member.as_bytes()[..length]), None);
        }
    }
}

#[test]
fn entries_are_ordered_as_their_log_ins_are() {
    let cursor =
        |at, byte| Cursor::new(Timestamp::from_millis(at), Selector::from_bytes([byte; 16]));
    let mut places = vec![cursor(9, 1), cursor(10, 0), cursor(10, 0xa0), cursor(10, 0x9f)];
    places.extend([cursor(u64::MAX, 3), cursor(255, 4), cursor(256, 2)]);
    let mut texts: Vec<_> = places.iter().copied().map(place).collect();
    places.sort();
    texts.sort();
    assert_eq!(texts, places.into_iter().map(place).collect::<Vec<_>>());
}

#[test]
fn an_entry_is_old_after_a_minute() {
    let attempt = Attempt::random(1_767_225_600).expect("random bytes");
    for (seconds, is_old) in [(0, false), (1_767_225_660, false), (1_767_225_661, true)] {
        assert_eq!(attempt.is_old(seconds), is_old, "{seconds}");
    }
}
