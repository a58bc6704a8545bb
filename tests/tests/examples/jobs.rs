//! The example `jobs` as its users and its staff meet it. Knows nothing of the library's insides.

use tests::{
    eventually_blocking,
    example::{Browser, Clock, Example},
};

fn log_in<'a>(jobs: &'a Example, device: &str) -> Browser<'a> {
    let browser = jobs.browser();
    let reply = browser.request("/log-in/7", &["-X", "POST", "-A", device]);
    assert_eq!(reply.status, 200, "{reply:?}");
    browser
}

#[test]
fn news_and_rights_reach_every_device_of_the_user_and_keep_nobody_logged_in() {
    let clock = Clock::new();
    let jobs = Example::start("jobs", &[clock.setting()]);
    let [telephone, desk] = ["a telephone", "a desk"].map(|device| log_in(&jobs, device));
    assert_eq!(telephone.get("/").body, "new customer 7; news: []\n");
    let listed = jobs.request("/office/7", &[]).body;
    assert!(listed.contains(" a telephone\n") && listed.contains(" a desk\n"), "{listed}");
    assert_eq!(jobs.request("/office/7/trust", &["-X", "POST"]).body, "trusted on 2 devices");
    clock.advance(std::time::Duration::from_secs(20 * 60));
    let reply = jobs.request("/warehouse/7/shipped/1001", &["-X", "POST"]);
    assert_eq!(reply.status, 202, "{reply:?}");
    let mut shown = String::new();
    eventually_blocking("the job tells the user", || {
        shown = telephone.get("/").body;
        shown.contains("1001")
    });
    assert_eq!(shown, "trusted customer 7; news: [\"Order 1001 is on its way.\"]\n");
    assert_eq!(telephone.get("/").body, "trusted customer 7; news: []\n");
    clock.advance(std::time::Duration::from_secs(15 * 60));
    assert_eq!(desk.get("/").status, 401, "nobody used it for 35 minutes");
    assert_eq!(telephone.get("/").status, 200);
}
