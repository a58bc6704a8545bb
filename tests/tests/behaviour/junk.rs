//! Tokens that nobody here made, as anybody can send them.

use std::time::Duration;

use tests::{
    Client, Log,
    sessions::{Case, Sealed, Stored, Themed, routes},
};

fn lines(log: &Log, level: &str) -> Vec<String> {
    let text = log.text();
    let ours = |line: &&str| line.contains(level) && line.contains("token");
    text.lines().filter(ours).map(str::to_owned).collect()
}

async fn flood<T: Themed>() {
    let log = Log::of_this_thread();
    let (warnings, causes) = (lines(&log, "WARN").len(), lines(&log, "DEBUG").len());
    let case = Case::start::<T>(routes::<T>(), |builder| builder).await;
    let client = Client::new(&case.server);
    for junk in 0..500 {
        client.set_cookie("s", &format!("junk{junk}"));
        assert_eq!(client.get("/read").await.status, 200);
    }
    let warned = lines(&log, "WARN");
    assert_eq!(warned.len(), warnings + 1, "{warned:?}");
    assert!(warned[warnings].contains("count=1"), "{warned:?}");
    assert_eq!(lines(&log, "DEBUG").len(), causes + 500);
    case.clock.advance(Duration::from_secs(60));
    for _ in 0..2 {
        client.set_cookie("s", "junk");
        client.get("/read").await;
    }
    let warned = lines(&log, "WARN");
    assert_eq!(warned.len(), warnings + 2, "{warned:?}");
    assert!(warned[warnings + 1].contains("count=500"), "{warned:?}");
}

#[tokio::test]
async fn a_flood_of_junk_tokens_is_one_warning_a_minute_and_each_cause_a_debug_line() {
    flood::<Stored>().await;
    flood::<Sealed>().await;
}
