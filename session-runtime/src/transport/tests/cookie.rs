//! Cookies: the parser's hard cases, the exact text of `Set-Cookie`, and names that are refused.

use super::{
    super::{Domain, SecureCookie},
    *,
};

fn ours() -> Carrier {
    carrier(Transport::Cookie, "__Host-id")
}

type Change = fn(&mut CookieSpec);

/// A carrier whose attributes differ from the defaults.
fn with(
    name: &'static str,
    insecure_dev: bool,
    change: impl Fn(&mut CookieSpec),
) -> Result<Carrier, String> {
    let mut cookie = COOKIE_DEFAULTS;
    change(&mut cookie);
    Carrier::new(
        &spec(Transport::Cookie, name, cookie),
        &CarrierOptions { insecure_dev, ..CarrierOptions::default() },
    )
}

fn written(carrier: &Carrier, max_age: Option<Duration>) -> String {
    let mut response = HeaderMap::new();
    carrier.write(&mut response, "TOKEN", max_age, HTTPS).unwrap();
    values(&response, SET_COOKIE).join(" | ")
}

fn expired(carrier: &Carrier) -> String {
    let mut response = HeaderMap::new();
    carrier.expire(&mut response, HTTPS);
    values(&response, SET_COOKIE).join(" | ")
}

#[test]
fn a_cookie_is_found_among_others() {
    for header in [
        "__Host-id=v",
        "a=b; __Host-id=v",
        "__Host-id=v; a=b",
        "a=b;__Host-id=v;c=d",
        " \t a=b ;\t__Host-id=v\t;",
        ";;; __Host-id=v;;",
        "nameless; __Host-id=v; =nameless",
        "__Host-id; __Host-id=v",
        "=; __Host-id=v; ==",
        "__Host-id2=x; x__Host-id=y; __Host-i=z; __Host-id=v",
        "__host-id=x; __HOST-ID=x; __Host-ID=x; __Host-id=v",
        "a=__Host-id=x; __Host-id=v",
        "a=\"; __Host-id=v; b=\"",
    ] {
        assert_eq!(found(&ours(), &headers(&COOKIE, &[header])), Some(b"v".to_vec()), "{header}");
    }
}

#[test]
fn nothing_else_passes_for_it() {
    for header in [
        "",
        ";",
        "=",
        "__Host-id",
        "=__Host-id=x",
        "==__Host-id=x",
        "%5F_Host-id=x",
        "__Host%2Did=x",
        "__Host-id%3Dx",
        "__host-id=x",
        "__HOST-ID=x",
        "__Host_id=x",
        "__Host.id=x",
        "__Host-id[]=x",
        "__Host-id =x",
        "__Host-id\t=x",
        "\"__Host-id\"=x",
        "$Version=1, __Host-id=x",
        "a=b, __Host-id=x",
        "a=b&__Host-id=x",
        "a=__Host-id=x",
        "x__Host-id=x",
        "__Host-idx=x",
    ] {
        assert_eq!(found(&ours(), &headers(&COOKIE, &[header])), None, "{header}");
    }
    for header in [&b"\xa0__Host-id=x"[..], b"__Host-id\x80=x", b"__Host-\xc4\xb1d=x", b"\xff"] {
        assert_eq!(found(&ours(), &headers(&COOKIE, &[header])), None, "{header:?}");
    }
    assert_eq!(found(&ours(), &HeaderMap::new()), None);
    assert_eq!(found(&ours(), &headers(&SET_COOKIE, &["__Host-id=x"])), None);
}

#[test]
fn a_value_is_taken_as_it_is() {
    for value in [&b"v"[..], b"\"v\"", b"a=b=", b"%41", b"a b", b"a,b", b"\x80\xff", b"'", b"a\tb"]
    {
        let header = [b"a=b; __Host-id=", value, b" ; c=d"].concat();
        assert_eq!(found(&ours(), &headers(&COOKIE, &[header])), Some(value.to_vec()), "{value:?}");
    }
    let long = format!("__Host-id={}", "A".repeat(1 << 20));
    assert_eq!(
        found(&ours(), &headers(&COOKIE, &[&long])),
        Some(long.as_bytes()["__Host-id=".len()..].to_vec())
    );
}

#[test]
fn cookies_may_come_in_several_headers() {
    for split in [
        ["a=b", "__Host-id=v", "c=d"],
        ["__Host-id=v; a=b", "c=d", ""],
        ["a=b; c=d", "", "e=f; __Host-id=v"],
    ] {
        assert_eq!(found(&ours(), &headers(&COOKIE, &split)), Some(b"v".to_vec()));
    }
    let mut many: Vec<_> = (0..200).map(|n| format!("cookie{n}=value{n}")).collect();
    many.insert(150, "__Host-id=v".to_owned());
    assert_eq!(found(&ours(), &headers(&COOKIE, &[many.join("; ")])), Some(b"v".to_vec()));
    assert_eq!(found(&ours(), &headers(&COOKIE, &many)), Some(b"v".to_vec()));
}

#[test]
fn of_several_different_cookies_none_is_taken() {
    for split in [
        &["__Host-id=a; __Host-id=b"][..],
        &["__Host-id=a", "__Host-id=b"],
        &["__Host-id=a; __Host-id=a; __Host-id=b"],
        &["__Host-id=a", "x=y", "z=1; __Host-id=; __Host-id=c"],
    ] {
        let found = found(&ours(), &headers(&COOKIE, split));
        assert_eq!(found, Some(b"DUPLICATE".to_vec()), "{split:?}");
    }
}

#[test]
fn of_several_cookies_equal_ones_count_once_and_empty_ones_not_at_all() {
    for split in [
        &["__Host-id=a;__Host-id=a"][..],
        &["__Host-id=a; x=y; __Host-id="],
        &["__Host-id=; __Host-id=a"],
        &["__Host-id= ; __Host-id=a", "__Host-id=a"],
    ] {
        let request = headers(&COOKIE, split);
        assert_eq!(found(&ours(), &request), Some(b"a".to_vec()), "{split:?}");
        let holders: Vec<_> =
            request.values().filter_map(|line| ours().token_in(line, HTTPS)).collect();
        assert!(holders.iter().all(|token| *token == b"a") && !holders.is_empty(), "{split:?}");
    }
    assert_eq!(found(&ours(), &headers(&COOKIE, &["__Host-id=", "__Host-id="])), None);
}

#[test]
fn set_cookie_is_exactly_this() {
    let write = |change: Change| written(&with("id", false, change).unwrap(), None);
    assert_eq!(written(&ours(), None), "__Host-id=TOKEN; HttpOnly; SameSite=Lax; Secure; Path=/");
    assert_eq!(
        write(|cookie| {
            cookie.path = "/shop";
            cookie.domain = Some("example.com");
            cookie.same_site = SameSite::Strict;
            cookie.http_only = false;
        }),
        "id=TOKEN; SameSite=Strict; Secure; Path=/shop; Domain=example.com",
    );
    assert_eq!(
        write(|cookie| {
            cookie.same_site = SameSite::None;
            cookie.partitioned = true;
        }),
        "id=TOKEN; HttpOnly; SameSite=None; Partitioned; Secure; Path=/",
    );
    assert_eq!(
        write(|cookie| cookie.domain = Some(".example.com")),
        "id=TOKEN; HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com",
    );
    assert_eq!(write(|cookie| cookie.secure = false), "id=TOKEN; HttpOnly; SameSite=Lax; Path=/");
}

#[test]
fn max_age_is_whole_seconds_and_at_most_400_days() {
    for (age, text) in [
        (Duration::ZERO, "0"),
        (Duration::from_millis(1), "1"),
        (Duration::from_millis(1001), "2"),
        (Duration::from_secs(1800), "1800"),
        (Duration::from_secs(34_560_000), "34560000"),
        (Duration::from_secs(34_560_001), "34560000"),
        (Duration::MAX, "34560000"),
    ] {
        let expected =
            format!("__Host-id=TOKEN; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age={text}");
        assert_eq!(written(&ours(), Some(age)), expected);
    }
}

#[test]
fn expiring_mirrors_every_attribute() {
    let end = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    let everything = |cookie: &mut CookieSpec| {
        cookie.path = "/shop";
        cookie.domain = Some("example.com");
        cookie.same_site = SameSite::None;
        cookie.partitioned = true;
    };
    for carrier in [
        ours(),
        with("id", false, everything).unwrap(),
        with("id", true, everything).unwrap(),
        with("__Host-id", true, |_| ()).unwrap(),
    ] {
        assert_eq!(expired(&carrier), written(&carrier, None).replace("TOKEN", "") + end);
    }
    assert_eq!(
        expired(&ours()),
        "__Host-id=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; \
         Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    );
}

#[test]
fn a_further_attribute_is_on_every_cookie_as_it_was_given() {
    let options = CarrierOptions {
        attributes: vec!["Priority=High".to_owned(), "x-a=b%20c".to_owned()],
        ..CarrierOptions::default()
    };
    let spec = spec(Transport::Cookie, "__Host-id", COOKIE_DEFAULTS);
    let carrier = Carrier::new(&spec, &options).unwrap();
    assert_eq!(
        written(&carrier, Some(Duration::from_secs(60))),
        "__Host-id=TOKEN; HttpOnly; SameSite=Lax; Secure; Path=/; Priority=High; x-a=b%20c; \
         Max-Age=60",
    );
    assert_eq!(
        expired(&carrier),
        "__Host-id=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; \
         Expires=Thu, 01 Jan 1970 00:00:00 GMT; Priority=High; x-a=b%20c",
    );
}

#[test]
fn an_attribute_is_written_as_it_was_given() {
    let carrier = with("a%3D~|b", false, |cookie| {
        cookie.path = "/a%20b c,\"d\"=e";
        cookie.domain = Some("..Example.com");
    })
    .unwrap();
    assert_eq!(
        written(&carrier, None),
        "a%3D~|b=TOKEN; HttpOnly; SameSite=Lax; Secure; Path=/a%20b c,\"d\"=e; \
         Domain=.Example.com",
    );
}

#[test]
fn a_name_gets_the_strongest_prefix_that_its_attributes_allow() {
    let changes: [(&str, Change); 9] = [
        ("__Host-Http-id", |_| ()),
        ("__Host-id", |cookie| cookie.http_only = false),
        ("__Http-id", |cookie| cookie.path = "/shop"),
        ("__Http-id", |cookie| cookie.domain = Some("example.com")),
        ("__Secure-id", |cookie| {
            cookie.domain = Some("example.com");
            cookie.http_only = false;
        }),
        ("id", |cookie| cookie.secure = false),
        ("__Host-Http-id", |cookie| cookie.partitioned = true),
        ("__Host-Http-id", |cookie| cookie.same_site = SameSite::None),
        ("__Host-Http-id", |cookie| cookie.persistent = true),
    ];
    for (name, change) in changes {
        let mut cookie = COOKIE_DEFAULTS;
        change(&mut cookie);
        let spec = Spec { prefix: Prefix::Strongest, ..spec(Transport::Cookie, "id", cookie) };
        let carrier = Carrier::new(&spec, &CarrierOptions::default()).unwrap();
        assert_eq!(carrier.name(), name);
        let options = CarrierOptions { prefix: Some(Prefix::None), ..CarrierOptions::default() };
        assert_eq!(Carrier::new(&spec, &options).unwrap().name(), "id", "unless told otherwise");
    }
    let spec = spec(Transport::Cookie, "id", COOKIE_DEFAULTS);
    let by_request = CarrierOptions {
        prefix: Some(Prefix::Strongest),
        secure: Some(SecureCookie::When(|_| true)),
        ..CarrierOptions::default()
    };
    assert_eq!(Carrier::new(&spec, &by_request).unwrap().name(), "id");
}

#[test]
fn a_deployment_says_what_the_struct_says_otherwise() {
    let spec = Spec { prefix: Prefix::Strongest, ..spec(Transport::Cookie, "id", COOKIE_DEFAULTS) };
    let options = CarrierOptions {
        name: Some("other".to_owned()),
        path: Some("/shop".to_owned()),
        domain: Some(Domain::Below("example.com".to_owned())),
        same_site: Some(SameSite::Strict),
        http_only: Some(false),
        partitioned: Some(true),
        persistent: Some(true),
        ..CarrierOptions::default()
    };
    let carrier = Carrier::new(&spec, &options).unwrap();
    assert!(carrier.is_persistent());
    assert_eq!(
        written(&carrier, None),
        "__Secure-other=TOKEN; SameSite=Strict; Partitioned; Secure; Path=/shop; \
         Domain=example.com",
    );
    let domain = CookieSpec { domain: Some("example.com"), ..COOKIE_DEFAULTS };
    let spec = Spec { cookie: domain, ..spec };
    let none = CarrierOptions { domain: Some(Domain::ThisHost), ..CarrierOptions::default() };
    assert_eq!(Carrier::new(&spec, &none).unwrap().name(), "__Host-Http-id");
    let header = CarrierOptions { transport: Some(Transport::Header), ..CarrierOptions::default() };
    let header = Carrier::new(&spec, &header).unwrap();
    assert_eq!((header.name(), header.transport_label()), ("id", "header"));
}

#[test]
fn insecure_dev_drops_what_needs_https() {
    for name in ["__Host-Http-id", "__Host-id", "__Http-id", "__Secure-id", "__host-id", "id"] {
        let carrier = with(name, true, |cookie| {
            cookie.partitioned = true;
            cookie.same_site = SameSite::None;
        })
        .unwrap();
        assert_eq!(carrier.name(), "id");
        assert_eq!(written(&carrier, None), "id=TOKEN; HttpOnly; SameSite=Lax; Path=/");
        assert_eq!(found(&carrier, &headers(&COOKIE, &["__Host-id=a; id=b"])), Some(b"b".to_vec()));
    }
    let strict = with("id", true, |cookie| cookie.same_site = SameSite::Strict).unwrap();
    assert_eq!(written(&strict, None), "id=TOKEN; HttpOnly; SameSite=Strict; Path=/");
}

#[test]
fn under_insecure_dev_a_prefix_gives_way_to_the_port() {
    let prefixed = with("__Host-id", true, |_| ()).unwrap();
    let plain = with("id", true, |_| ()).unwrap();
    for (host, port) in [("localhost:3000", "-3000"), ("[::1]:81", "-81"), ("localhost", "")] {
        let cookies = format!("id-3001=theirs; id{port}=ours");
        let request = request("/", &[("host", host), ("cookie", &cookies)]);
        let context = prefixed.context(&request, true);
        let Found::One(token, header) = prefixed.find(&request) else { panic!("{host}") };
        assert_eq!((token, prefixed.token_in(header, context)), (&b"ours"[..], Some(&b"ours"[..])));
        let mut response = HeaderMap::new();
        prefixed.write(&mut response, "TOKEN", None, context).unwrap();
        assert_eq!(
            values(&response, SET_COOKIE),
            [format!("id{port}=TOKEN; HttpOnly; SameSite=Lax; Path=/")]
        );
        prefixed.expire(&mut response, context);
        assert_eq!(
            values(&response, SET_COOKIE),
            [format!(
                "id{port}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0; \
                 Expires=Thu, 01 Jan 1970 00:00:00 GMT"
            )]
        );
        assert_eq!(plain.context(&request, true).port, None, "an exact name stays as it is");
    }
}

#[test]
fn different_cookies_are_expired_wherever_they_may_have_been_set() {
    let all = |carrier: &Carrier, host: &str, path: &str| {
        let parts = request("/", &[("host", host)]);
        let Some(lines) = carrier.elsewhere(&parts, path) else { return Vec::new() };
        lines.0.iter().map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let plain = with("id", false, |cookie| cookie.secure = false).unwrap();
    let line = |scope: &str| format!("id=; Max-Age=0; {scope}; HttpOnly");
    assert_eq!(
        all(&plain, "shop.Example.com:8080", "/app/x"),
        [
            "Path=/app",
            "Path=/app/",
            "Path=/app/x",
            "Path=/; Domain=shop.example.com",
            "Path=/app; Domain=shop.example.com",
            "Path=/app/; Domain=shop.example.com",
            "Path=/app/x; Domain=shop.example.com",
            "Path=/; Domain=example.com",
            "Path=/app; Domain=example.com",
            "Path=/app/; Domain=example.com",
            "Path=/app/x; Domain=example.com",
        ]
        .map(line)
    );
    assert_eq!(all(&plain, "127.0.0.1:3000", "/a"), ["Path=/a"].map(line));
    assert_eq!(all(&plain, "127.0.0.1", "/a;b"), [""; 0], "no attribute can say that path");
    let scoped = with("id", false, |cookie| {
        cookie.secure = false;
        cookie.path = "/app";
        cookie.domain = Some(".example.com");
    })
    .unwrap();
    let lines = all(&scoped, "example.com", "/app");
    assert_eq!(lines, ["Path=/", "Path=/app", "Path=/; Domain=example.com"].map(line));
    let secure = with("__Secure-id", false, |_| ()).unwrap();
    assert_eq!(
        all(&secure, "localhost", "/"),
        [
            "__Secure-id=; Max-Age=0; Path=/; HttpOnly; Secure; Partitioned",
            "__Secure-id=; Max-Age=0; Path=/; Domain=localhost; HttpOnly; Secure",
        ]
    );
    let alone = with("__Host-id", false, |_| ()).unwrap();
    assert_eq!(
        all(&alone, "a.example.com", "/a/b"),
        ["__Host-id=; Max-Age=0; Path=/; HttpOnly; Secure; Partitioned"],
        "browsers keep no other",
    );
    let deep = "/a".repeat(100);
    assert_eq!(all(&plain, "a.b.c.d.example.com", &deep).len(), 54, "a response has a limit");
}

#[test]
fn other_cookies_stay_and_ours_is_there_once() {
    let others = ["a=b; Path=/", "__Host-id2=x", "x__Host-id=y", "a=__Host-id=z", "__host-id=w"];
    let mut response = headers(&SET_COOKIE, &others);
    let ours = ours();
    ours.write(&mut response, "ONE", None, HTTPS).unwrap();
    ours.expire(&mut response, HTTPS);
    ours.write(&mut response, "TWO", Some(Duration::from_secs(5)), HTTPS).unwrap();
    response.append(SET_COOKIE, HeaderValue::from_static("later=1"));
    ours.write(&mut response, "THREE", None, HTTPS).unwrap();
    let mut expected = others.to_vec();
    expected.push("later=1");
    expected.push("__Host-id=THREE; HttpOnly; SameSite=Lax; Secure; Path=/");
    assert_eq!(values(&response, SET_COOKIE), expected);
}

#[test]
fn a_cookie_that_browsers_drop_is_not_sent() {
    let ours = ours();
    let fits = "A".repeat(4096 - "__Host-id".len());
    let mut response = headers(&SET_COOKIE, &["__Host-id=earlier"]);
    let too_large = TooLarge { size: 4097, limit: 4096 };
    let longer = format!("{fits}A");
    assert_eq!(ours.check(&longer), Err(too_large));
    assert_eq!(ours.write(&mut response, &longer, None, HTTPS), Err(too_large));
    assert_eq!(values(&response, SET_COOKIE), ["__Host-id=earlier"], "nothing was touched");
    assert_eq!(ours.check(&fits), Ok(()));
    assert_eq!(ours.write(&mut response, &fits, None, HTTPS), Ok(()));
    assert_eq!(response.get_all(SET_COOKIE).iter().count(), 1);
}

#[test]
fn names_and_attributes_cannot_inject() {
    for name in [
        "",
        "__Host-",
        "a b",
        "a;b",
        "a=b",
        "a,b",
        "a\r\nb",
        "a\0",
        "ä",
        "\"a\"",
        "a/b",
        "__Host-a;",
    ] {
        for dev in [false, true] {
            assert!(with(name, dev, |_| ()).is_err(), "{name:?}");
        }
    }
    for path in ["", "shop", "/a;Domain=evil.com", "/\r\nX: y", "/\0", "/ä", "/ ", " /"] {
        let result = with("id", false, |cookie| cookie.path = path);
        assert!(result.unwrap_err().contains("path"), "{path:?}");
    }
    for domain in ["", "a;b", "a b", "a\r\nb", "ä.example", "a/b", "a=b"] {
        let result = with("id", false, |cookie| cookie.domain = Some(domain));
        assert!(result.unwrap_err().contains("domain"), "{domain:?}");
    }
    let long: &'static str = "/".repeat(1025).leak();
    assert!(with("id", false, |cookie| cookie.path = long).is_err());
    assert!(with("id", false, |cookie| cookie.path = &long[1..]).is_ok());
}

#[test]
fn combinations_that_browsers_refuse_are_refused() {
    let refused: [(&str, Change); 13] = [
        ("__Host-Http-id", |cookie| cookie.secure = false),
        ("__Host-Http-id", |cookie| cookie.http_only = false),
        ("__host-http-id", |cookie| cookie.path = "/shop"),
        ("__Host-Http-id", |cookie| cookie.domain = Some("example.com")),
        ("__Http-id", |cookie| cookie.secure = false),
        ("__HTTP-id", |cookie| cookie.http_only = false),
        ("__Host-id", |cookie| cookie.secure = false),
        ("__Secure-id", |cookie| cookie.secure = false),
        ("__secure-id", |cookie| cookie.secure = false),
        ("__Host-id", |cookie| cookie.path = "/shop"),
        ("__hOST-id", |cookie| cookie.domain = Some("example.com")),
        ("id", |cookie| {
            cookie.secure = false;
            cookie.same_site = SameSite::None;
        }),
        ("id", |cookie| {
            cookie.secure = false;
            cookie.partitioned = true;
        }),
    ];
    for (name, change) in refused {
        assert!(with(name, false, change).is_err(), "{name}");
    }
    for name in ["__Secure-id", "__Http-id"] {
        assert!(with(name, false, |cookie| cookie.domain = Some("example.com")).is_ok());
    }
}
