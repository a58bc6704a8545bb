//! The example `admin` in browsers that run no scripts: an administrator finds a user's sessions and
//! ends them.

use tests::{example::Example, webdriver::Chromium};

/// Logs in, and ends at the start page.
fn log_in(browser: &Chromium, site: &Example, name: &str, password: &str) {
    browser.open(&format!("{}/login", site.url()));
    browser.fill("input[name=name]", name);
    browser.fill("input[name=password]", password);
    browser.follow("button");
    assert_eq!(browser.text_of("#user"), name);
}

/// Whether a browser is logged in.
fn is_in(browser: &Chromium, site: &Example) -> bool {
    browser.open(site.url());
    !browser.url().as_str().expect("an address").ends_with("/login")
}

#[test]
fn an_administrator_finds_and_ends_sessions_without_a_script() {
    let site = Example::start("admin", &[("IDLE", "20m")]);
    let [root, phone, laptop] = std::array::from_fn(|_| Chromium::without_scripts());
    let pages = format!("{}/admin/sessions", site.url());

    // The guard is the application's.
    root.open(&pages);
    assert!(root.url().as_str().is_some_and(|url| url.ends_with("/login")), "{}", root.url());
    for browser in [&phone, &laptop] {
        log_in(browser, &site, "ada", "lovelace");
    }
    phone.open(&pages);
    assert!(!phone.text_of("html").contains("Sessions of"), "{}", phone.text_of("html"));

    log_in(&root, &site, "root", "hopper");
    root.follow("a");
    let home = root.text_of("html");
    for told in ["Sessions of site", "outlives the process", "writes", "evicts"] {
        assert!(home.contains(told), "{told}: {home}");
    }
    root.follow("a[href='?check=1']");
    assert_eq!(root.text_of("p[role=status]"), "The store works.");

    root.fill("input[name=principal]", "ada");
    root.follow("form:has(input[name=principal]) button");
    let list = root.text_of("html");
    assert!(list.contains("\"ada\"") && list.contains("swept yet: 2"), "{list}");
    assert!(list.contains("HeadlessChrome"), "the label: {list}");

    // The latest log-in comes first.
    root.follow("table a");
    let one = root.text_of("html");
    assert!(one.contains("device") && one.contains("credential made"), "{one}");
    root.follow("button[value=one]");
    assert_eq!(root.text_of("p[role=status]"), "Sessions ended: 1.");
    assert!(!is_in(&laptop, &site) && is_in(&phone, &site));

    log_in(&laptop, &site, "ada", "lovelace");
    root.fill("input[name=principal]", "ada");
    root.follow("form:has(input[name=principal]) button");
    root.click("summary");
    root.follow("button[value=all]");
    assert!(root.text_of("html").contains("Sessions ended: 2."), "{}", root.text_of("html"));
    assert!(!is_in(&laptop, &site) && !is_in(&phone, &site));
    assert!(is_in(&root, &site), "nobody else is logged out");
}

/// Another port of one host is another origin, but the same site: browsers send the cookie.
#[test]
fn a_form_of_another_origin_ends_nothing() {
    let [site, other] = std::array::from_fn(|_| Example::start("admin", &[("IDLE", "20m")]));
    let [root, ada] = std::array::from_fn(|_| Chromium::start());
    log_in(&ada, &site, "ada", "lovelace");
    log_in(&root, &site, "root", "hopper");
    let pages = format!("{}/admin/sessions", site.url());
    root.open(&format!("{}/login", other.url()));
    let _ = root.script(&format!(
        "document.body.innerHTML = `<form method=post action='{pages}'>\
         <input name=end value=all><input name=principal value=ada>\
         <button>Win a prize</button></form>`;"
    ));
    root.follow("button");
    assert_eq!(root.url(), pages.as_str(), "the form was sent, by somebody who is logged in");
    assert!(is_in(&ada, &site));
    // The same form ends the session where it comes from the pages themselves.
    root.open(&format!("{pages}?principal=ada"));
    root.click("summary");
    root.follow("button[value=all]");
    assert!(!is_in(&ada, &site));
}
