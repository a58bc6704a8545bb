//! The shop example as its visitors meet it: logging in and out, two browsers side by side, the
//! list of devices, wrong settings. Knows nothing of the library behind it.

use std::{process::Command, thread, time::Duration};

use tests::example::{Browser, Clock, Copy, Example, Reply, command, curl, run_to_end, wait};

const MINUTE: Duration = Duration::from_secs(60);

fn start(settings: &[(&str, &str)]) -> Example {
    Example::start("shop", settings)
}

/// What a visitor of the shop does.
trait Visitor {
    fn log_in(&self, form: &[&str]) -> Reply;

    fn log_in_ada(&self) -> Reply {
        self.log_in(&["username=ada", "password=lovelace"])
    }
}

impl Visitor for Browser<'_> {
    fn log_in(&self, form: &[&str]) -> Reply {
        let reply = self.post("/login", form);
        assert_eq!((reply.status, reply.header("location")), (303, Some("/")), "{reply:?}");
        reply
    }
}

/// What the pages show, by their landmarks.
trait Page {
    fn body(&self) -> &str;

    /// Whose name the page's head shows.
    fn user(&self) -> Option<&str> {
        between(self.body(), "Hello, <strong>", "</strong>")
    }

    /// The theme that somebody chose.
    fn theme(&self) -> Option<&str> {
        between(self.body(), "<html lang=\"en\" data-theme=\"", "\">")
    }

    fn visits(&self) -> Option<&str> {
        between(self.body(), "<span id=\"visits\">", "</span>")
    }

    fn notice(&self) -> Option<&str> {
        between(self.body(), "role=\"status\">", "</p>")
    }

    /// The pieces on the page of the cart.
    fn cart(&self) -> Vec<&str> {
        all(self.body(), "action=\"/cart/remove/", "\"")
    }

    /// The handles of the log-ins on the page of devices: this browser's first.
    fn devices(&self) -> Vec<&str> {
        all(self.body(), "action=\"/devices/", "/end\"")
    }
}

impl Page for Reply {
    fn body(&self) -> &str {
        assert!([200, 303].contains(&self.status), "no page: {self:?}");
        &self.body
    }
}

/// What stands between the first `start` and the next `end`.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

fn all<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    let parts = text.split(start).skip(1);
    parts.filter_map(|part| part.split_once(end)).map(|(found, _)| found).collect()
}

#[test]
fn the_first_line_is_the_address() {
    let shop = start(&[]);
    let port: u16 = shop.port().parse().expect("a port is a number");
    assert_ne!(port, 0);
    assert_eq!(shop.first_line, format!("listening on http://127.0.0.1:{port}\n"));
}

#[test]
fn the_cart_survives_log_in_and_reload() {
    let shop = start(&[]);
    let browser = shop.browser();
    let added = browser.post("/add/1", &[]);
    assert_eq!((added.status, added.header("location")), (303, Some("/cart")));
    let before = browser.cookie(&shop.dev_name("shop")).expect("a cart needs a session");
    assert_eq!(browser.get("/").user(), None);

    browser.log_in_ada();
    let after = browser.cookie(&shop.dev_name("shop")).expect("a log-in needs a session");
    assert_ne!(before, after, "log-in changes the token");
    assert_eq!(shop.replay("/", &before).user(), None, "the token from before the log-in is dead");

    for _ in 0..2 {
        assert_eq!(browser.get("/").user(), Some("Ada"));
        assert_eq!(browser.get("/cart").cart(), ["1"]);
    }
    assert_eq!(browser.post("/cart/remove/1", &[]).status, 303);
    assert!(browser.get("/cart").cart().is_empty());
}

#[test]
fn two_browsers_do_not_see_each_other() {
    let shop = start(&[]);
    let (ada, alan, nobody) = (shop.browser(), shop.browser(), shop.browser());
    ada.log_in_ada();
    ada.post("/add/3", &[]);
    alan.log_in(&["username=alan", "password=turing"]);
    alan.post("/add/4", &[]);

    assert_eq!(ada.get("/").user(), Some("Ada"));
    assert_eq!(alan.get("/").user(), Some("Alan"));
    assert_eq!(nobody.get("/").user(), None);
    assert_eq!(ada.get("/cart").cart(), ["3"]);
    assert_eq!(alan.get("/cart").cart(), ["4"]);
    assert!(nobody.get("/cart").cart().is_empty());
}

#[test]
fn log_out_ends_the_session_and_keeps_the_theme() {
    let shop = start(&[]);
    let browser = shop.browser();
    browser.log_in_ada();
    browser.post("/add/5", &[]);
    let themed = browser.post("/theme", &["theme=dark"]);
    assert_eq!((themed.status, themed.header("location")), (303, Some("/")));
    let old = browser.cookie(&shop.dev_name("shop")).expect("logged in");
    let before = shop.replay("/", &old);
    assert_eq!((before.user(), before.theme()), (Some("Ada"), Some("dark")), "it is good until");

    let out = browser.post("/logout", &[]);
    assert_eq!((out.status, out.header("location")), (303, Some("/")));
    let home = browser.get("/");
    assert_eq!(home.user(), None);
    assert_eq!(home.theme(), Some("dark"));
    assert!(browser.get("/cart").cart().is_empty());

    let replayed = shop.replay("/", &old);
    assert_eq!((replayed.status, replayed.user()), (200, None));
    assert_eq!(replayed.theme(), None);
}

#[test]
fn a_wrong_password_gets_the_form_again() {
    let shop = start(&[]);
    for form in [
        ["username=ada", "password=turing"],
        ["username=%3Cb%3Ebob", "password=lovelace"],
        ["username=ada", "password="],
    ] {
        let browser = shop.browser();
        let reply = browser.post("/login", &form);
        assert_eq!(reply.status, 401, "{form:?}");
        assert!(reply.body.contains("action=\"/login\"") && reply.body.contains("role=\"alert\""));
        assert!(!reply.body.contains("<b>"), "what was typed is escaped");
        assert_eq!(browser.get("/").user(), None, "{form:?}");
    }
}

#[test]
fn guarded_pages_send_people_to_the_form_and_tell_programs_no() {
    let shop = start(&[]);
    let browser = shop.browser();
    for path in ["/orders", "/devices"] {
        let reply = browser.get(path);
        assert_eq!((reply.status, reply.header("location")), (303, Some("/login")), "{path}");
        let reply = browser.request(path, &["--header", "Accept: application/json"]);
        assert_eq!((reply.status, reply.header("location")), (401, None), "{path}");
    }
    let reply = browser.post("/devices/end-others", &[]);
    assert_eq!((reply.status, reply.header("location")), (303, Some("/login")));

    browser.log_in_ada();
    let reply = browser.get("/orders");
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains("Bernoulli"));
}

#[test]
fn devices_are_listed_and_ended() {
    let shop = start(&[]);
    let (here, there, alan) = (shop.browser(), shop.browser(), shop.browser());
    here.log_in_ada();
    there.log_in_ada();
    alan.log_in(&["username=alan", "password=turing"]);

    let page = here.get("/devices");
    let listed = page.devices();
    assert_eq!(listed.len(), 2);
    let elsewhere = there.get("/devices");
    assert_eq!(elsewhere.devices(), [listed[1], listed[0]], "each browser comes first for itself");

    // Alan cannot end what is Ada's, even when he knows the handle.
    alan.post(&format!("/devices/{}/end", listed[1]), &[]);
    assert_eq!(there.get("/").user(), Some("Ada"));

    let reply = here.post("/devices/end-others", &[]);
    assert_eq!((reply.status, reply.header("location")), (303, Some("/devices")));
    assert_eq!(there.get("/").user(), None);
    assert_eq!(alan.get("/").user(), Some("Alan"));
    assert_eq!(here.get("/devices").devices(), [listed[0]]);

    // One by one: another's, then one's own.
    there.log_in_ada();
    let page = here.get("/devices");
    assert_eq!(page.devices().len(), 2);
    here.post(&format!("/devices/{}/end", page.devices()[1]), &[]);
    assert_eq!((there.get("/").user(), here.get("/").user()), (None, Some("Ada")));
    here.post(&format!("/devices/{}/end", listed[0]), &[]);
    assert_eq!(here.get("/").user(), None);
}

#[test]
fn remember_me_outlives_the_browser() {
    let shop = start(&[]);
    let (mut short, mut long) = (shop.browser(), shop.browser());
    let reply = short.log_in_ada();
    let cookie = reply.header("set-cookie").expect("log-in sets the cookie").to_ascii_lowercase();
    assert!(!cookie.contains("max-age") && !cookie.contains("expires"), "{cookie}");
    let reply = long.log_in(&["username=ada", "password=lovelace", "remember=on"]);
    let cookie = reply.header("set-cookie").expect("log-in sets the cookie");
    let age = between(&format!("{cookie};"), "Max-Age=", ";").map(str::parse::<u32>);
    let month = 30 * 24 * 60 * 60;
    assert!(matches!(age, Some(Ok(age)) if (month - 60..=month).contains(&age)), "{cookie}");

    assert_eq!((short.get("/").user(), long.get("/").user()), (Some("Ada"), Some("Ada")));
    (short.restarted, long.restarted) = (true, true);
    assert_eq!((short.get("/").user(), long.get("/").user()), (None, Some("Ada")));
}

#[test]
fn a_notice_is_shown_once() {
    let shop = start(&[]);
    let browser = shop.browser();
    browser.post("/add/6", &[]);
    assert_eq!(browser.get("/cart").notice(), Some("Tea mug is in your cart."));
    assert_eq!(browser.get("/cart").notice(), None);
    browser.log_in_ada();
    assert_eq!(browser.get("/").notice(), Some("Welcome, Ada!"));
    assert_eq!(browser.get("/").notice(), None);
}

#[test]
fn parallel_requests_lose_nothing() {
    let shop = start(&[]);
    let browser = shop.browser();
    assert_eq!(browser.get("/").visits(), Some("1"));
    let cookie = format!(
        "Cookie: {}",
        browser.cookie(&shop.dev_name("shop")).expect("a visit needs a session")
    );
    let url = shop.url();
    thread::scope(|scope| {
        for id in 1..=6 {
            let cookie = &cookie;
            scope.spawn(move || {
                let add = format!("{url}/add/{id}");
                assert_eq!(curl(&["--header", cookie, "--data", "", &add]).status, 303);
            });
            scope.spawn(move || assert_eq!(curl(&["--header", cookie, url]).status, 200));
        }
    });
    assert_eq!(browser.get("/").visits(), Some("8"));
    assert_eq!(browser.get("/cart").cart(), ["1", "2", "3", "4", "5", "6"]);
}

#[test]
fn what_does_not_exist_is_not_found() {
    let shop = start(&[]);
    let browser = shop.browser();
    assert_eq!(browser.post("/add/7", &[]).status, 404);
    assert_eq!(browser.get("/nowhere").status, 404);
    assert_eq!(
        browser.cookie(&shop.dev_name("shop")),
        None,
        "nothing happened, so nothing is kept"
    );
}

#[test]
fn an_idle_session_ends() {
    let clock = Clock::new();
    let shop = start(&[("IDLE", "20m"), clock.setting()]);
    let browser = shop.browser();
    browser.log_in_ada();
    for _ in 0..2 {
        clock.advance(19 * MINUTE);
        assert_eq!(browser.get("/").user(), Some("Ada"));
    }
    clock.advance(20 * MINUTE);
    assert_eq!(browser.get("/").user(), None);
}

#[test]
fn tls_makes_the_cookie_secure() {
    let shop = start(&[("TLS", "1")]);
    assert_eq!(shop.first_line, format!("listening on https://127.0.0.1:{}\n", shop.port()));
    let browser = shop.browser();
    let reply = browser.log_in_ada();
    let cookie = reply.header("set-cookie").expect("log-in sets the cookie");
    let attributes: Vec<_> = cookie.split("; ").skip(1).map(str::to_ascii_lowercase).collect();
    assert!(cookie.starts_with("__Host-Http-shop="), "{cookie}");
    for attribute in ["secure", "httponly", "samesite=lax", "path=/"] {
        assert!(attributes.iter().any(|other| other == attribute), "{attribute}: {cookie}");
    }
    assert_eq!(browser.get("/").user(), Some("Ada"));

    let plain = start(&[]);
    let reply = plain.browser().log_in_ada();
    let cookie = reply.header("set-cookie").expect("log-in sets the cookie");
    assert!(cookie.starts_with(&plain.dev_name("shop")) && !cookie.contains("Secure"), "{cookie}");
}

#[test]
fn everybody_is_still_logged_in_after_a_crash_and_a_restart() {
    let copy = Copy::new("shop");
    let files = format!("file:{}", copy.folder().join("files").display());
    for store in [None, Some(files.as_str())] {
        let start = || Example::run(copy.command().envs(store.map(|store| ("STORE", store))));
        let cookie = {
            let shop = start();
            let browser = shop.browser();
            browser.log_in_ada();
            browser.post("/add/3", &[]);
            browser.cookie(&shop.dev_name("shop")).expect("a log-in needs a session")
        };
        let shop = start();
        let (_, token) = cookie.split_once('=').expect("a cookie has a value");
        let name = shop.dev_name("shop");
        assert_eq!(shop.replay("/", &format!("{name}={token}")).user(), Some("Ada"), "{store:?}");
        assert_eq!(shop.replay("/", &format!("{name}=another")).user(), None);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let kept = copy.folder().join("shop.sessions");
        for (path, mode) in [(kept.join("keys"), 0o600), (kept, 0o700)] {
            let metadata = path.metadata().expect("it is there");
            assert_eq!(metadata.permissions().mode() & 0o777, mode, "{}", path.display());
        }
    }
}

#[test]
fn a_second_shop_on_the_same_store_is_told_where_the_first_one_is() {
    let copy = Copy::new("shop");
    let _first = Example::run(&mut copy.command());
    let output = run_to_end(&mut copy.command());
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: STORE: ") && said.contains("shop.sessions"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_wrong_setting_is_one_clear_line() {
    let wrong: [&[(&str, &str)]; 8] = [
        &[("PORT", "abc")],
        &[("STORE", "nonsense")],
        &[("STORE", "redis://shop:hunter2@cache.example/")],
        &[("IDLE", "soon")],
        &[("ABSOLUTE", "0s")],
        &[("ABSOLUTE", "5m"), ("IDLE", "10m")],
        &[("TLS", "perhaps")],
        &[("SESSION_KEYS", "hunter2")],
    ];
    for settings in wrong {
        let output = run_to_end(&mut command("shop", settings));
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        let name = settings[0].0;
        assert_eq!(output.status.code(), Some(2), "{settings:?}: {said}");
        assert!(output.stdout.is_empty(), "{settings:?}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.starts_with("error: ") && said.to_uppercase().contains(name), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_port_in_use_is_said_so() {
    let shop = start(&[]);
    let output = run_to_end(&mut command("shop", &[("PORT", shop.port())]));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    let last = said.lines().last().expect("a line");
    assert!(last.starts_with("error: ") && last.contains(shop.port()), "{said}");
}

#[test]
fn it_says_whether_it_is_ready_and_starts_without_its_server_if_it_may() {
    assert_eq!(start(&[]).request("/readyz", &[]).status, 204);
    // Nobody listens there.
    let shop = start(&[("STORE", "redis://127.0.0.1:1"), ("STORE_LAZY", "1")]);
    let reply = shop.request("/readyz", &[]);
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{reply:?}");
}

#[cfg(unix)]
#[test]
fn it_stops_when_told_to() {
    for signal in ["-TERM", "-INT"] {
        let mut shop = start(&[]);
        let id = shop.process.id().to_string();
        let told = Command::new("kill").args([signal, &id]).status().expect("kill is installed");
        assert!(told.success());
        let status = wait(&mut shop.process);
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}
