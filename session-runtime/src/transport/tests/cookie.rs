//! Cookies: the parser's hard cases, the exact text of `Set-Cookie`, and names that are refused.

use super::*;

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
        &CookieOptions { insecure_dev, ..CookieOptions::default() },
    )
}

fn written(carrier: &Carrier, max_age: Option<Duration>) -> String {
    let mut response = HeaderMap::new();
    carrier.write(&mut response, "TOKEN", max_age, true).unwrap();
    values(&response, SET_COOKIE).join(" | ")
}

fn expired(carrier: &Carrier) -> String {
    let mut response = HeaderMap::new();
    carrier.expire(&mut response, true);
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
    for value in [&b""[..], b"\"v\"", b"a=b=", b"%41", b"a b", b"a,b", b"\x80\xff", b"'", b"a\tb"] {
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
fn of_several_none_is_taken() {
    for split in [
        &["__Host-id=a; __Host-id=b"][..],
        &["__Host-id=a;__Host-id=a"],
        &["__Host-id=a; x=y; __Host-id="],
        &["__Host-id=; __Host-id=a"],
        &["__Host-id=a", "__Host-id=b"],
        &["__Host-id=a", "x=y", "z=1; __Host-id=a; __Host-id=c"],
    ] {
        assert_eq!(
            found(&ours(), &headers(&COOKIE, split)),
            Some(b"DUPLICATE".to_vec()),
            "{split:?}"
        );
    }
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
    let options = CookieOptions {
        attributes: vec!["Priority=High".to_owned(), "x-a=b%20c".to_owned()],
        ..CookieOptions::default()
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
fn insecure_dev_drops_what_needs_https() {
    for name in ["__Host-id", "__Secure-id", "__host-id", "id"] {
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
fn other_cookies_stay_and_ours_is_there_once() {
    let others = ["a=b; Path=/", "__Host-id2=x", "x__Host-id=y", "a=__Host-id=z", "__host-id=w"];
    let mut response = headers(&SET_COOKIE, &others);
    let ours = ours();
    ours.write(&mut response, "ONE", None, true).unwrap();
    ours.expire(&mut response, true);
    ours.write(&mut response, "TWO", Some(Duration::from_secs(5)), true).unwrap();
    response.append(SET_COOKIE, HeaderValue::from_static("later=1"));
    ours.write(&mut response, "THREE", None, true).unwrap();
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
    assert_eq!(ours.write(&mut response, &longer, None, true), Err(too_large));
    assert_eq!(values(&response, SET_COOKIE), ["__Host-id=earlier"], "nothing was touched");
    assert_eq!(ours.check(&fits), Ok(()));
    assert_eq!(ours.write(&mut response, &fits, None, true), Ok(()));
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
            assert!(with(name, dev, |_| ()).is_err() || (name == "__Host-" && !dev), "{name:?}");
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
    let refused: [(&str, Change); 7] = [
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
    assert!(with("__Secure-id", false, |cookie| cookie.domain = Some("example.com")).is_ok());
}
