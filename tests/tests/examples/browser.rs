//! Examples in a real browser, which has rules of its own for cookies: what it keeps, what it sends,
//! and what it hides from scripts. One module for each example; here is how a page is read.

mod admin;
mod kestrun;
mod ktor_client;

use serde_json::Value;
use tests::webdriver::Chromium;

/// The text that the server answered with; around plain text and JSON the browser puts a page of
/// its own.
fn text(browser: &Chromium) -> String {
    let text = browser.script(
        "const pre = document.querySelector('pre');
         return (pre ?? document.body).textContent;",
    );
    text.as_str().expect("a text").to_owned()
}

/// The cookie of this name that the page's address is sent, if there is one.
fn cookie(browser: &Chromium, name: &str) -> Option<Value> {
    let Value::Array(cookies) = browser.cookies() else { panic!("cookies are a list") };
    cookies.into_iter().find(|cookie| cookie["name"] == name)
}

/// What scripts of the page see of all its cookies.
fn seen_by_scripts(browser: &Chromium) -> Value {
    browser.script("return document.cookie;")
}
