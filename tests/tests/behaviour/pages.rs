//! A principal with many sessions: the pages of their list, and their end, which takes several calls.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, Query},
    http::StatusCode,
    routing::get,
};
use session_runtime::{
    Error, KeyRing, Session, SessionCursor, SessionLayer, SessionLayerBuilder, Sessions,
    clock::ManualClock, store::MemoryStore,
};
use tests::{Client, Fault, Server, Spy, Verb, sessions::Stored, spy};

const ADA: &str = "ada";

#[derive(serde::Deserialize)]
struct Place {
    after: Option<String>,
}

/// Returns a page as a client sees one: the ids, and the place of the next page behind a `>`.
async fn list(sessions: Sessions<Stored>, Query(place): Query<Place>) -> Result<String, Error> {
    let after =
        place.after.map(|after| after.parse::<SessionCursor>().expect("from the last page"));
    let page = sessions.of(&ADA.to_owned()).list(after).await?;
    let ids = page.sessions.iter().map(|session| format!("{}\n", session.id));
    let next = page.next.map(|next| format!(">{next}"));
    Ok(ids.chain(next).collect())
}

async fn end_all(sessions: Sessions<Stored>) -> Result<String, Error> {
    let ended = sessions.of(&ADA.to_owned()).end_all().await?;
    Ok(format!("{} {}", ended.count, ended.is_done))
}

struct Case {
    server: Server,
    store: Spy<MemoryStore>,
    clock: Arc<ManualClock>,
}

impl Case {
    async fn new(
        with: impl FnOnce(SessionLayerBuilder<Stored>) -> SessionLayerBuilder<Stored>,
    ) -> Self {
        let (store, clock) = (spy(MemoryStore::default()), Arc::new(ManualClock::default()));
        let routes = Router::new()
            .route(
                "/log-in/{user}",
                get(async |session: Session<Stored>, Path(user): Path<String>| {
                    session.log_in(user);
                    session.session_id().to_string()
                }),
            )
            .route("/user", get(async |s: Session<Stored>| s.user().is_some().to_string()))
            .route("/list", get(list))
            .route("/end-all", get(end_all));
        let builder = SessionLayer::<Stored>::builder(KeyRing::ephemeral().expect("random bytes"))
            .store(store.clone())
            .clock(Arc::clone(&clock))
            .unlimited_sessions()
            .insecure_dev();
        let layer = with(builder).build().expect("a sound configuration");
        Self { server: Server::start(routes.layer(layer)).await, store, clock }
    }

    /// Logs in so many times, and returns the clients with the ids of their sessions.
    async fn log_in(&self, user: &str, times: usize) -> Vec<(Client, String)> {
        let mut clients = Vec::new();
        for number in 0..times {
            // Some log-ins are of one millisecond.
            if number % 3 > 0 {
                self.clock.advance(Duration::from_millis(1));
            }
            let client = Client::new(&self.server);
            let id = client.get(&format!("/log-in/{user}")).await.body;
            clients.push((client, id));
        }
        clients
    }

    /// Returns the pages of the list, each with the ids in it.
    async fn pages(&self) -> Vec<Vec<String>> {
        let (mut pages, mut path) = (Vec::new(), "/list".to_owned());
        loop {
            let reply = Client::new(&self.server).get(&path).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            let (ids, next) = match reply.body.split_once('>') {
                Some((ids, next)) => (ids, Some(next)),
                None => (reply.body.as_str(), None),
            };
            pages.push(ids.lines().map(str::to_owned).collect());
            match next {
                Some(next) => path = format!("/list?after={next}"),
                None => return pages,
            }
        }
    }
}

#[tokio::test]
async fn a_list_goes_on_page_by_page_with_the_latest_log_in_first() {
    for at_rest in [false, true] {
        let case =
            Case::new(|builder| if at_rest { builder.encrypt_at_rest() } else { builder }).await;
        let (clients, _) = (case.log_in(ADA, 150).await, case.log_in("bob", 3).await);
        let pages = case.pages().await;
        let lengths: Vec<_> = pages.iter().map(Vec::len).collect();
        assert_eq!(lengths, [64, 64, 22]);
        let all: BTreeSet<_> = pages.iter().flatten().collect();
        assert_eq!(all, clients.iter().map(|(_, id)| id).collect(), "each once");
        // Of one millisecond, their order is by the id.
        let position = |id: &str| pages.concat().iter().position(|it| it == id).expect("listed");
        for pair in clients.windows(3) {
            assert!(position(&pair[2].1) < position(&pair[0].1));
        }
    }
}

#[tokio::test]
async fn sessions_that_have_expired_leave_gaps_and_hide_nobody() {
    let case = Case::new(|builder| builder.idle(Duration::from_secs(60))).await;
    let live = case.log_in(ADA, 1).await.remove(0);
    case.log_in(ADA, 200).await;
    case.clock.advance(Duration::from_secs(30));
    assert_eq!(live.0.get("/user").await.body, "true");
    case.clock.advance(Duration::from_secs(45));
    assert_eq!(case.pages().await.concat(), [live.1]);
}

#[test]
fn a_place_in_a_list_is_read_back_from_its_text_and_from_no_other() {
    let text = "0000019b76daa0000123456789abcdef0123456789abcdef";
    let place: SessionCursor = text.parse().expect("a place");
    assert_eq!(place.to_string(), text);
    for broken in ["", "0", &text[1..], "+000019b76daa0000123456789abcdef0123456789abcdef", "é"] {
        let error = broken.parse::<SessionCursor>().expect_err(broken);
        assert!(error.to_string().contains("48 hexadecimal digits"), "{error}");
    }
}

#[tokio::test]
async fn the_end_of_too_many_sessions_says_that_it_is_not_done_and_goes_on_with_the_next_call() {
    let case = Case::new(|builder| builder.deadline(Duration::from_millis(400))).await;
    let clients = case.log_in(ADA, 40).await;
    case.store.fault(Verb::Remove, Fault::Slow(Duration::from_millis(20)));
    let admin = Client::new(&case.server);
    let (mut ended, mut calls) = (0, 0);
    loop {
        let reply = admin.get("/end-all").await;
        assert_eq!(reply.status, StatusCode::OK, "within the deadline: {}", reply.body);
        let (count, is_done) = reply.body.split_once(' ').expect("both");
        let count: usize = count.parse().expect("a number");
        assert!(count > 0 || is_done == "true", "each call gets on");
        (ended, calls) = (ended + count, calls + 1);
        if is_done == "true" {
            break;
        }
    }
    assert_eq!(ended, 40);
    assert!(calls > 1, "40 times 20 milliseconds are more than half of 400");
    for (client, _) in clients {
        assert_eq!(client.get("/user").await.body, "false");
    }
}
