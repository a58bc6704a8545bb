//! URLs, and what their errors say.

use super::url::{Kind, Target};

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
    ] {
        let Err(error) = Target::parse(url) else { panic!("{url} is accepted") };
        let told = error.to_string();
        assert!(told.contains(problem), "{url}: {told}");
        assert!(!told.contains("hunter2") && !told.contains("hun%"), "{url}: {told}");
    }
}
