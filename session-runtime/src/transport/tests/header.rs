//! Headers of the session's own name, and bearer tokens.

use http::header::AUTHORIZATION;

use super::*;

const NAME: HeaderName = HeaderName::from_static("x-shop");

#[test]
fn a_header_is_found_under_its_name_alone() {
    let ours = carrier(Transport::Header, "X-Shop");
    assert_eq!(ours.name(), "x-shop");
    for value in [&b"v"[..], b"a,b", b"a b", b"v, v", b"\"v\"", b"\x80\xff", b"Bearer v"] {
        assert_eq!(found(&ours, &headers(&NAME, &[value])), Some(value.to_vec()), "{value:?}");
    }
    let long = vec![b'A'; 1 << 20];
    assert_eq!(found(&ours, &headers(&NAME, &[&long])), Some(long));
    for split in [&["a", "b"][..], &["a", "a"], &["a", ""], &["", "", ""]] {
        assert_eq!(found(&ours, &headers(&NAME, split)), Some(b"DUPLICATE".to_vec()), "{split:?}");
    }
    assert_eq!(found(&ours, &HeaderMap::new()), None);
    assert_eq!(found(&ours, &headers(&NAME, &[""])), None, "what an expired token leaves behind");
}

#[test]
fn no_other_transport_is_looked_at() {
    let header = carrier(Transport::Header, "x-shop");
    let bearer = carrier(Transport::Bearer, "x-shop");
    let cookie = carrier(Transport::Cookie, "x-shop");
    let mut request = headers(&NAME, &["in-header"]);
    request.insert(AUTHORIZATION, HeaderValue::from_static("Bearer in-bearer"));
    request.insert(COOKIE, HeaderValue::from_static("x-shop=in-cookie"));
    assert_eq!(found(&header, &request), Some(b"in-header".to_vec()));
    assert_eq!(found(&bearer, &request), Some(b"in-bearer".to_vec()));
    assert_eq!(found(&cookie, &request), Some(b"in-cookie".to_vec()));
    request.remove(AUTHORIZATION);
    assert_eq!(found(&bearer, &request), None);
}

#[test]
fn a_bearer_token_is_told_by_its_scheme() {
    let ours = carrier(Transport::Bearer, "x-shop");
    for (value, expected) in [
        ("Bearer v", Some("v")),
        ("bearer v", Some("v")),
        ("BEARER   v", Some("v")),
        ("Bearer a b", Some("a b")),
        ("Bearer a,b", Some("a,b")),
        ("Bearer \tv", Some("\tv")),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearer   ", None),
        ("Bearer\tv", None),
        ("Bearerv", None),
        ("Bearer: v", None),
        ("Basic dXNlcjpwYXNz", None),
        ("Digest username=\"Bearer v\"", None),
        (" Bearer v", None),
        ("v", None),
        ("", None),
        ("ünüsü v", None),
    ] {
        let request = headers(&AUTHORIZATION, &[value]);
        assert_eq!(
            found(&ours, &request),
            expected.map(|token| token.as_bytes().to_vec()),
            "{value}"
        );
    }
    for split in [["Bearer a", "Bearer b"], ["Basic a", "Bearer b"], ["Bearer a", ""]] {
        let request = headers(&AUTHORIZATION, &split);
        assert_eq!(found(&ours, &request), Some(b"DUPLICATE".to_vec()), "{split:?}");
    }
}

#[test]
fn a_response_carries_the_token_in_the_named_header() {
    for transport in [Transport::Header, Transport::Bearer] {
        let ours = carrier(transport, "x-shop");
        let mut response = headers(&NAME, &["handler", "handler"]);
        response.insert(SET_COOKIE, HeaderValue::from_static("a=b"));
        ours.write(&mut response, "TOKEN", Some(Duration::from_secs(60)), HTTPS).unwrap();
        assert_eq!(values(&response, NAME), ["TOKEN"]);
        assert!(response[NAME].is_sensitive());
        ours.expire(&mut response, HTTPS);
        assert_eq!(values(&response, NAME), [""]);
        assert_eq!(values(&response, SET_COOKIE), ["a=b"]);
        assert!(!response.contains_key(AUTHORIZATION));
    }
}

#[test]
fn a_header_that_servers_refuse_is_not_sent() {
    let ours = carrier(Transport::Header, "x-shop");
    let fits = "A".repeat(8192 - "x-shop".len());
    let mut response = HeaderMap::new();
    let too_large = TooLarge { size: 8193, limit: 8192 };
    assert_eq!(ours.write(&mut response, &format!("{fits}A"), None, HTTPS), Err(too_large));
    assert!(response.is_empty());
    assert_eq!(ours.write(&mut response, &fits, None, HTTPS), Ok(()));
}

#[test]
fn a_name_must_be_free_and_a_name() {
    for transport in [Transport::Header, Transport::Bearer] {
        for name in [
            "",
            "a b",
            "a:b",
            "a\r\nb",
            "ä",
            "Authorization",
            "cookie",
            "Set-Cookie",
            "vary",
            "HOST",
        ] {
            let result =
                Carrier::new(&spec(transport, name, COOKIE_DEFAULTS), &CarrierOptions::default());
            assert!(result.is_err(), "{name:?}");
        }
        // No attribute of a cookie matters here.
        let cookie = CookieSpec { secure: false, same_site: SameSite::None, ..COOKIE_DEFAULTS };
        assert!(
            Carrier::new(
                &spec(transport, "x-shop", cookie),
                &CarrierOptions { insecure_dev: true, ..CarrierOptions::default() }
            )
            .is_ok()
        );
    }
}
