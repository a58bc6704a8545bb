//! The counter with metrics for Prometheus, as a browser and Prometheus meet it.

use tests::example::Example;

#[test]
fn the_figures_tell_of_each_visit_and_reading_them_is_no_visit() {
    let example = Example::start("metrics", &[]);
    let browser = example.browser();
    for visit in 1..=3 {
        assert_eq!(browser.get("/").body, visit.to_string());
    }
    assert_eq!(example.replay("/", "visitor=junk").body, "1");
    let read = || {
        let reply = browser.get("/metrics");
        assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4"));
        assert!(reply.set_cookies().is_empty() && reply.header("vary").is_none(), "{reply:?}");
        reply.body
    };
    let figures = read();
    for line in [
        r#"session_requests_total{type="visitor",outcome="no_token",reason="none"} 2"#,
        r#"session_requests_total{type="visitor",outcome="live",reason="none"} 2"#,
        r#"session_commits_total{type="visitor",result="created",error="none"} 2"#,
        r#"session_commits_total{type="visitor",result="changed",error="none"} 2"#,
        r#"session_store_operation_seconds_count{type="visitor",store="memory",operation="load",outcome="ok"} 2"#,
        r#"session_store_operation_seconds_bucket{type="visitor",store="memory",operation="commit",outcome="ok",le="+Inf"} 2"#,
    ] {
        assert!(figures.lines().any(|found| found == line), "{line}\n{figures}");
    }
    assert!(figures.contains("# HELP session_requests_total Requests that"), "{figures}");
    assert!(figures.contains("# TYPE session_store_operation_seconds histogram"), "{figures}");
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&read()), sorted(&figures), "to read is to count nothing");
}
