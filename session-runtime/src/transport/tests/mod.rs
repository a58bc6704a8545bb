//! Carriers: the tokens found in a request, and the headers written to a response.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod cookie;
mod header;

use std::time::Duration;

use ::cookie::SameSite;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, COOKIE, SET_COOKIE, VARY},
    request::Parts,
};

use super::{Carrier, CarrierOptions, CookieContext, Found, TooLarge};
use crate::schema::{
    CookieSpec, Payload, Prefix, Spec, Transport,
    options::{CommitOn, Create, OnEnd, OnLost, OnStale, OnStoreError, Resend},
};

/// The defaults that the derive states for a struct without attributes.
const COOKIE_DEFAULTS: CookieSpec = CookieSpec {
    path: "/",
    domain: None,
    same_site: SameSite::Lax,
    secure: true,
    http_only: true,
    partitioned: false,
    persistent: false,
};

/// The facts of a request to a server whose cookie has no port in its name.
const HTTPS: CookieContext = CookieContext { secure: true, port: None };

fn spec(transport: Transport, name: &'static str, cookie: CookieSpec) -> Spec {
    Spec {
        type_name: "Shop",
        name,
        prefix: Prefix::None,
        namespace: "shop",
        transport,
        payload: Payload::Server,
        idle: None,
        absolute: None,
        cookie,
        create: Create::OnWrite,
        resend: Resend::OnChange,
        on_stale: OnStale::ClearToken,
        on_store_error: OnStoreError::Fail,
        commit_on: CommitOn::Not5xx,
        on_end: OnEnd::ExpireToken,
        on_lost: OnLost::Keep,
        fields: &[],
    }
}

fn carrier(transport: Transport, name: &'static str) -> Carrier {
    Carrier::new(&spec(transport, name, COOKIE_DEFAULTS), &CarrierOptions::default()).unwrap()
}

fn headers(name: &HeaderName, values: &[impl AsRef<[u8]>]) -> HeaderMap {
    values
        .iter()
        .map(|value| (name.clone(), HeaderValue::from_bytes(value.as_ref()).unwrap()))
        .collect()
}

/// Returns the values of a header, in order.
fn values(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

/// Returns a request with these headers.
fn request(path: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// Returns the result of `find` in a form that can be compared.
fn found(carrier: &Carrier, headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut parts = request("/", &[]);
    parts.headers.extend(headers.clone());
    match carrier.find(&parts) {
        Found::None => None,
        Found::One(value, _) => Some(value.to_vec()),
        Found::Duplicate => Some(b"DUPLICATE".to_vec()),
    }
}

#[test]
fn what_was_read_varies_the_response() {
    for (transport, ours) in [
        (Transport::Cookie, "Cookie"),
        (Transport::Header, "x-shop"),
        (Transport::Bearer, "Authorization"),
    ] {
        let carrier = carrier(transport, "x-shop");
        let lower = ours.to_lowercase();
        let among = format!("accept-encoding ,\t{},origin", ours.to_uppercase());
        let longer = format!("{ours}-2, x-{ours}");
        for (before, added) in [
            (&[][..], true),
            (&["Origin"], true),
            (&[longer.as_str()], true),
            (&[""], true),
            (&[ours], false),
            (&[lower.as_str()], false),
            (&["Origin", among.as_str()], false),
            (&["*"], false),
            (&["Origin, *"], false),
        ] {
            let mut response = headers(&VARY, before);
            carrier.mark_read(&mut response);
            let mut expected = before.to_vec();
            expected.extend(added.then_some(ours));
            assert_eq!(values(&response, VARY), expected);
            carrier.mark_read(&mut response);
            assert_eq!(values(&response, VARY), expected, "once is enough");
        }
    }
}

#[test]
fn a_token_is_never_cached() {
    let carrier = carrier(Transport::Cookie, "__Host-id");
    for before in [&[][..], &["public, max-age=3600"], &["no-cache", "private"]] {
        let mut response = headers(&CACHE_CONTROL, before);
        carrier.mark_private(&mut response);
        assert_eq!(values(&response, CACHE_CONTROL), ["no-store"]);
    }
}

#[test]
fn a_carrier_knows_its_name_and_transport() {
    for (transport, label) in [
        (Transport::Cookie, "cookie"),
        (Transport::Header, "header"),
        (Transport::Bearer, "bearer"),
    ] {
        let carrier = carrier(transport, "x-shop");
        assert_eq!(carrier.name(), "x-shop");
        assert_eq!(carrier.transport_label(), label);
    }
}

#[test]
fn nothing_prints_a_token() {
    assert_eq!(
        format!("{:?}", Found::One(b"canary", &HeaderValue::from_static("canary"))),
        "One(<redacted>)"
    );
    assert_eq!(format!("{:?} {:?}", Found::None, Found::Duplicate), "None Duplicate");
    for transport in [Transport::Cookie, Transport::Header, Transport::Bearer] {
        let mut response = HeaderMap::new();
        carrier(transport, "x-shop").write(&mut response, "canary", None, HTTPS).unwrap();
        assert!(!format!("{response:?}").contains("canary"), "{response:?}");
    }
}

#[test]
fn a_full_response_does_not_panic() {
    // As many header names as fit before a map would have to grow beyond its limit.
    let mut response = HeaderMap::new();
    let mut n = 0;
    while response
        .try_append(HeaderName::try_from(format!("x-{n}")).unwrap(), HeaderValue::from_static(""))
        .is_ok()
    {
        n += 1;
    }
    for transport in [Transport::Cookie, Transport::Header] {
        let carrier = carrier(transport, "shop");
        let _ = carrier.write(&mut response, "token", None, HTTPS);
        carrier.expire(&mut response, HTTPS);
        carrier.mark_read(&mut response);
        carrier.mark_private(&mut response);
    }
    assert!(!response.contains_key(SET_COOKIE));
}
