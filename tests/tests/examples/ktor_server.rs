//! `ktor_server` as its visitors meet it: a cart on the server, whose name is in the cookie. Knows
//! nothing of the library behind it.

use tests::example::{Copy, Example};

use crate::ktor::{Cookie, THEIRS, is_under_another_key, one_bit_off};

const CART: &str = "Product IDs: [1, 3, 7]";
const EMPTY: &str = "Your basket is empty.";
/// Deviation: Ktor's cookie has no `SameSite`, and says `Expires` beside `Max-Age` and a `$x-enc`.
const ATTRIBUTES: [&str; 3] = ["httponly", "path=/", "samesite=lax"];

fn start() -> Example {
    Example::start("ktor_server", &[])
}

fn log_in(example: &Example) -> Cookie {
    let reply = example.request("/login", &[]);
    assert_eq!((reply.status, reply.header("location")), (302, Some("/cart")), "{reply:?}");
    Cookie::only(&reply.set_cookies())
}

#[test]
fn t09_the_log_in_sets_a_signed_name_for_seven_days() {
    let cookie = log_in(&start());
    assert_eq!(cookie.name, "cart_session");
    // Deviation: not `<64 hex>/<64 hex>`, but 54 bytes in base64url: nothing needs URL encoding.
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    assert!(cookie.value.len() == 72 && cookie.value.bytes().all(base64), "{cookie:?}");
    assert!(cookie.lasts(604_800), "{cookie:?}");
    assert_eq!(cookie.others, ATTRIBUTES);
}

#[test]
fn t10_the_cart_is_shown_and_no_cookie_sent() {
    let example = start();
    let browser = example.browser();
    assert_eq!(browser.get("/login").status, 302);
    for _ in 0..2 {
        let reply = browser.get("/cart");
        assert_eq!((reply.status, reply.body.as_str()), (200, CART));
        assert!(reply.set_cookies().is_empty(), "{reply:?}");
    }
}

#[test]
fn t11_no_cookie_and_a_bad_signature_are_an_empty_cart() {
    let example = start();
    let reply = example.request("/cart", &[]);
    assert_eq!((reply.status, reply.body.as_str()), (200, EMPTY));
    assert!(reply.set_cookies().is_empty(), "{reply:?}");

    let token = log_in(&example).value;
    // One bit in each character: a bit of every byte is among them.
    for forged in one_bit_off(&token).iter().step_by(7) {
        let reply = example.replay("/cart", &format!("cart_session={forged}"));
        assert_eq!((reply.status, reply.body.as_str()), (200, EMPTY), "{forged}");
        if is_under_another_key(&token, forged) {
            assert!(reply.set_cookies().is_empty(), "{forged}: {reply:?}");
            continue;
        }
        // Deviation: Ktor lets the browser keep a cookie with a bad signature; here it is cleared.
        assert!(Cookie::only(&reply.set_cookies()).clears("cart_session", &ATTRIBUTES));
    }
    assert_eq!(example.replay("/cart", &format!("cart_session={token}")).body, CART);
}

#[test]
fn t12_a_name_that_the_store_has_forgotten_is_cleared() {
    let copy = Copy::new("ktor_server");
    let cookie = {
        let before = Example::run(&mut copy.command());
        let cookie = format!("cart_session={}", log_in(&before).value);
        assert_eq!(before.replay("/cart", &cookie).body, CART);
        cookie
    };
    // The key is kept beside the program, so the signature still holds.
    let after = Example::run(&mut copy.command());
    let reply = after.replay("/cart", &cookie);
    assert_eq!((reply.status, reply.body.as_str()), (200, EMPTY));
    assert!(Cookie::only(&reply.set_cookies()).clears("cart_session", &ATTRIBUTES), "{reply:?}");
}

#[test]
fn t13_the_log_out_clears_the_cookie_and_ends_the_session_on_the_server() {
    let example = start();
    let browser = example.browser();
    assert_eq!(browser.get("/login").status, 302);
    let cookie = browser.cookie("cart_session").expect("the log-in sets it");
    let reply = browser.get("/logout");
    assert_eq!((reply.status, reply.header("location")), (302, Some("/cart")));
    assert!(Cookie::only(&reply.set_cookies()).clears("cart_session", &ATTRIBUTES), "{reply:?}");
    assert_eq!(browser.get("/cart").body, EMPTY);
    assert_eq!(example.replay("/cart", &cookie).body, EMPTY);
    let again = browser.get("/logout");
    assert_eq!(again.status, 302, "logging out twice is no error");
    assert!(again.set_cookies().is_empty(), "{again:?}");
}

#[test]
fn a_ktor_token_is_refused() {
    let example = start();
    for token in THEIRS {
        let reply = example.replay("/cart", &format!("cart_session={token}"));
        assert_eq!((reply.status, reply.body.as_str()), (200, EMPTY), "{token}");
        assert!(Cookie::only(&reply.set_cookies()).clears("cart_session", &ATTRIBUTES), "{token}");
        let reply = example.replay("/login", &format!("cart_session={token}"));
        let cookie = Cookie::only(&reply.set_cookies());
        assert!(reply.status == 302 && cookie.lasts(604_800), "{token}: {reply:?}");
        assert!(!cookie.value.contains("abc123"), "no id is taken over: {cookie:?}");
    }
}
