//! A real browser: headless Chromium, driven by `WebDriver` through `chromedriver`. Owns the two
//! processes and the few commands that the tests need; speaks plain HTTP with `curl`, so that a
//! browser can be ended wherever a test ends. Knows nothing of any page.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    backend::{Process, User, directory, find, free_port},
    example::{Reply, curl},
};

const FLAGS: [&str; 10] = [
    "--headless",
    // Chromium does not run as root with its sandbox; what it loads here is our own.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // It ends when the pipe does, whatever ended the process at the other end.
    "--remote-debugging-pipe",
];

/// A browser that nobody has used before; ended with the test, whatever the test's end.
#[derive(Debug)]
pub struct Chromium {
    /// `http://127.0.0.1:PORT/session/ID`
    session: String,
    _driver: Process,
    _folder: TempDir,
}

impl Chromium {
    /// Starts one. It takes certificates that nobody vouches for, as those of the examples.
    ///
    /// # Panics
    ///
    /// If it is not installed, with the line that installs it; or if it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&json!({}))
    }

    /// Starts one in which no page runs scripts.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn without_scripts() -> Self {
        Self::with(&json!({"profile.managed_default_content_settings.javascript": 2}))
    }

    fn with(preferences: &Value) -> Self {
        let (browser, driver) =
            (find("chromium", "chromium"), find("chromedriver", "chromium-driver"));
        let (folder, port) = (directory(User::Same), free_port());
        let path = |name: &str| folder.path().join(name).display().to_string();
        // What Chromium leaves where temporary files are goes with the rest.
        let arguments = [
            format!("TMPDIR={}", folder.path().display()),
            driver.display().to_string(),
            format!("--port={port}"),
        ];
        let (env, log) = (find("env", "coreutils"), folder.path().join("log"));
        let mut driver = Process::start("chromedriver", User::Same, &env, &arguments, &log);
        driver.wait_for_port(port);

        let mut flags = FLAGS.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", path("profile")));
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:chromeOptions": {"binary": browser, "args": flags, "prefs": preferences},
        }}});
        let sessions = format!("http://127.0.0.1:{port}/session");
        let started = command("POST", &sessions, &capabilities);
        let id = started["sessionId"].as_str().expect("a session has an id");
        Self { session: format!("{sessions}/{id}"), _driver: driver, _folder: folder }
    }

    /// Opens a page, as if its address had been typed, and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.post("url", &json!({"url": url}));
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.post("refresh", &json!({}));
    }

    /// The address of the page.
    #[must_use]
    pub fn url(&self) -> Value {
        self.get("url")
    }

    /// Types a text into the field that a CSS selector finds, in the place of what is there.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("element/{element}/clear"), &json!({}));
        self.post(&format!("element/{element}/value"), &json!({"text": text}));
    }

    /// Clicks what a CSS selector finds, and waits until the page that this leads to is loaded.
    ///
    /// A click alone waits for a page only if the browser has begun to leave the old one, which takes
    /// a while where the machine is busy.
    ///
    /// # Panics
    ///
    /// If the click leads to no other page within thirty seconds.
    pub fn follow(&self, selector: &str) {
        let old = format!("{}/element/{}/name", self.session, self.element("html"));
        self.click(selector);
        let begun = Instant::now();
        while send("GET", &old, &Value::Null).status == 200 {
            assert!(begun.elapsed() < Duration::from_secs(30), "{selector} leads to no page");
        }
    }

    /// Clicks what a CSS selector finds, and what leads to no other page.
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.post(&format!("element/{element}/click"), &json!({}));
    }

    /// The text that is visible of what a CSS selector finds.
    #[must_use]
    pub fn text_of(&self, selector: &str) -> String {
        let element = self.element(selector);
        let text = self.get(&format!("element/{element}/text"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The id by which the browser knows an element.
    ///
    /// # Panics
    ///
    /// If there is none.
    fn element(&self, selector: &str) -> String {
        let found = self.post("element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|found| found.values().next()?.as_str());
        id.expect("an element has an id").to_owned()
    }

    /// What JavaScript in the page returns.
    #[must_use]
    pub fn script(&self, body: &str) -> Value {
        self.post("execute/sync", &json!({"script": body, "args": []}))
    }

    /// The cookies that the page's address is sent: those, too, that its scripts do not see.
    #[must_use]
    pub fn cookies(&self) -> Value {
        self.get("cookie")
    }

    /// Forgets the cookies that the page's address is sent.
    pub fn forget_cookies(&self) {
        command("DELETE", &format!("{}/cookie", self.session), &Value::Null);
    }

    fn get(&self, what: &str) -> Value {
        command("GET", &format!("{}/{what}", self.session), &Value::Null)
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        command("POST", &format!("{}/{what}", self.session), body)
    }
}

/// Sends a command, and returns its value.
fn command(method: &str, url: &str, body: &Value) -> Value {
    let reply = send(method, url, body);
    assert_eq!(reply.status, 200, "{method} {url} {body}: {}", reply.body);
    reply.json()["value"].take()
}

/// Sends a command, and returns the answer, whatever it says.
fn send(method: &str, url: &str, body: &Value) -> Reply {
    let body = body.to_string();
    let json = ["--header", "Content-Type: application/json", "--data", &body];
    let with: &[&str] = if method == "POST" { &json } else { &[] };
    curl(&[&["--request", method], with, &[url]].concat())
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // While a test fails there must be no second panic; the pipe ends the browser then.
        if !std::thread::panicking() {
            command("DELETE", &self.session, &Value::Null);
        }
    }
}
