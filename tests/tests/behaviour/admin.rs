//! Sessions without their type, and the pages for administrators: what is found, shown, ended and
//! refused, and what never leaves.

use std::sync::Arc;

use axum::{
    Router,
    extract::Path,
    routing::{get, post},
};
use http::{Method, StatusCode};
use session_runtime::{
    Key, KeyRing, Session, SessionLayer, SessionLayerBuilder,
    admin::{AdminPages, StoredSessions, is_sealed, principal_key},
    clock::ManualClock,
    store::{MemoryStore, Store},
};
use tests::{Client, Fault, Reply, Server, Spy, Verb, sessions::Sealed, spy};

/// The session type of the application.
#[derive(Session)]
#[session(name = "s", prefix = "none", namespace = "site", idle = "30m", absolute = "12h")]
struct Site {
    #[session(principal)]
    user: Option<String>,
    device: String,
    #[session(secret)]
    card: Option<String>,
}

struct Case {
    server: Server,
    store: Spy<MemoryStore>,
    clock: Arc<ManualClock>,
    layer: SessionLayer<Site>,
}

impl Case {
    async fn start(
        adjust: impl FnOnce(SessionLayerBuilder<Site>) -> SessionLayerBuilder<Site>,
    ) -> Self {
        let (store, clock) = (spy(MemoryStore::default()), Arc::new(ManualClock::default()));
        // A layer never opens what another test has written: each has keys of its own.
        let keys = KeyRing::new([key(), key()]).expect("two keys");
        let builder = SessionLayer::<Site>::builder(keys).store(store.clone()).clock(clock.clone());
        let layer = adjust(builder.as_another_program()).build().expect("a sound configuration");
        let pages = AdminPages::of(&layer).expect("a store").labels(&["device"]).expect("a field");
        let routes = Router::new()
            .route("/log-in/{user}/{device}", post(log_in))
            .route("/user", get(async |s: Session<Site>| s.user().cloned().unwrap_or_default()))
            .route("/id", get(async |s: Session<Site>| s.session_id().to_string()))
            .nest("/admin", pages.router());
        Self { server: Server::start(routes.layer(layer.clone())).await, store, clock, layer }
    }

    async fn log_in(&self, user: &str, device: &str) -> (Client, String) {
        self.clock.advance(std::time::Duration::from_secs(1));
        let client = Client::new(&self.server);
        client.post(&format!("/log-in/{user}/{device}")).await;
        let id = client.get("/id").await.body;
        (client, id)
    }

    async fn page(&self, query: &str) -> Reply {
        Client::new(&self.server).get(&format!("/admin{query}")).await
    }

    async fn form(&self, form: &str) -> Reply {
        Client::new(&self.server).post_form("/admin", form.to_owned()).await
    }
}

fn key() -> Key {
    Key::generate().expect("random bytes")
}

async fn log_in(session: Session<Site>, Path((user, device)): Path<(String, String)>) {
    session.log_in(user);
    session.set_device(device);
    session.set_card("4111 1111".to_owned());
}

async fn user(client: &Client) -> String {
    client.get("/user").await.body
}

#[tokio::test]
async fn sessions_are_found_and_ended_without_their_type_also_under_encryption() {
    for is_encrypted in [false, true] {
        let case =
            Case::start(|builder| if is_encrypted { builder.encrypt_at_rest() } else { builder })
                .await;
        let (phone, phone_id) = case.log_in("ada", "phone").await;
        let (laptop, _) = case.log_in("ada", "laptop").await;
        let (other, _) = case.log_in("bob", "desk").await;
        let ada = principal_key("ada");

        // As a tool sees them that knows the store and no key.
        let store: Arc<dyn Store> = Arc::new(case.store.clone());
        let bare = StoredSessions::new(store, "site", "").expect("a name");
        let id = phone_id.parse().expect("an id");
        // That tool goes by the real time, by which these sessions of a test's clock are over.
        assert!(bare.find(&id).await.expect("an answer").is_none());
        assert_eq!(bare.count(&ada).await.expect("an answer"), if is_encrypted { 0 } else { 2 });

        // As the application sees them.
        let sessions = StoredSessions::of(&case.layer).expect("a store");
        let page = sessions.list(&ada, None).await.expect("an answer");
        let devices = page.sessions.iter().map(|(_, record)| record.get("device").cloned());
        let json =
            |text: &'static [u8]| Some(session_runtime::store::FieldValue::Bytes(text.into()));
        assert_eq!(devices.collect::<Vec<_>>(), [json(b"\"laptop\""), json(b"\"phone\"")]);
        assert!(page.next.is_none());
        assert!(!is_sealed(&page.sessions[0].1));
        assert_eq!(sessions.count(&ada).await.expect("an answer"), 2);
        assert!(sessions.end(&id).await.expect("an answer"));
        assert!(!sessions.end(&id).await.expect("an answer"));
        assert_eq!((user(&phone).await, user(&laptop).await), (String::new(), "ada".to_owned()));
        let ended = sessions.end_all(&ada).await.expect("an answer");
        assert_eq!((ended.count, ended.is_done), (1, true));
        assert_eq!((user(&laptop).await, user(&other).await), (String::new(), "bob".to_owned()));
    }
}

#[tokio::test]
async fn an_expired_session_is_neither_listed_nor_found() {
    let case = Case::start(|builder| builder).await;
    let (_, id) = case.log_in("ada", "phone").await;
    let sessions = StoredSessions::of(&case.layer).expect("a store");
    let (ada, id) = (principal_key("ada"), id.parse().expect("an id"));
    assert!(sessions.find(&id).await.expect("an answer").is_some());
    case.clock.advance(std::time::Duration::from_mins(31));
    assert!(sessions.find(&id).await.expect("an answer").is_none());
    assert!(sessions.list(&ada, None).await.expect("an answer").sessions.is_empty());
}

#[test]
fn the_names_that_no_layer_can_have_are_refused() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    for (name, audience) in [("", ""), ("a/b", ""), ("a", "b/c"), ("a@b", ""), ("a b", "")] {
        let made = StoredSessions::new(Arc::clone(&store), name, audience);
        assert!(made.is_err_and(|error| error.is_config()), "{name} {audience}");
    }
}

#[tokio::test]
async fn a_layer_without_a_store_has_no_pages() {
    let keys = KeyRing::ephemeral().expect("random bytes");
    let builder = SessionLayer::<Sealed>::builder(keys).accept_replay_until_expiry();
    let layer = builder.as_another_program().build().expect("a sound configuration");
    assert!(AdminPages::of(&layer).is_err());
}

#[tokio::test]
async fn only_fields_that_are_stored_and_no_secret_are_labels() {
    let case = Case::start(|builder| builder).await;
    let label = |name: &'static str| AdminPages::of(&case.layer).expect("a store").labels(&[name]);
    assert!(label("device").is_ok());
    let error = |name| label(name).expect_err("refused").to_string();
    assert!(error("card").contains("is `secret`"), "{}", error("card"));
    assert!(error("nothing").contains("no field that is stored"), "{}", error("nothing"));
}

#[tokio::test]
async fn the_pages_show_sessions_and_never_a_token_or_a_value() {
    let case = Case::start(|builder| builder).await;
    let (client, id) = case.log_in("ada", "phone").await;
    let token = client.cookie("s").expect("logged in");
    for (query, told) in [
        (String::new(), "Sessions of site"),
        ("?check=1".to_owned(), "The store works."),
        ("?principal=ada".to_owned(), "phone"),
        (format!("?session={id}"), "device"),
    ] {
        let page = case.page(&query).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert!(page.body.contains(told), "{query}: {}", page.body);
        // The verifier and the tag begin behind the selector.
        assert!(!page.body.contains(&token[30..36]), "{query}: {}", page.body);
        assert!(!page.body.contains("4111"), "{query}: {}", page.body);
        assert!(!page.body.contains("<script"), "{query}");
    }
    let ids: Vec<String> = StoredSessions::of(&case.layer)
        .expect("a store")
        .keys()
        .iter()
        .map(|key| key.id.to_string())
        .collect();
    let home = case.page("").await.body;
    assert_eq!(ids.len(), 2);
    assert!(ids.iter().all(|id| home.contains(id)), "{home}");
}

#[tokio::test]
async fn the_pages_forbid_scripts_caching_and_frames() {
    let case = Case::start(|builder| builder).await;
    let page = case.page("").await;
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    for part in ["form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn what_a_user_has_typed_is_no_markup() {
    let case = Case::start(|builder| builder).await;
    let markup = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%27%22";
    case.log_in(markup, markup).await;
    for query in [format!("?principal={markup}"), format!("?session={markup}")] {
        let page = case.page(&query).await.body;
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
    }
    let listed = case.page(&format!("?principal={markup}")).await.body;
    assert!(listed.contains("<td>&lt;script&gt;alert(1)&lt;/script&gt;&#39;&quot;"), "{listed}");
    // The form that ends this principal's sessions names the same principal.
    let form = format!("end=all&principal={markup}");
    let ended = case.form(&form).await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER);
    assert!(ended.header("location").is_some_and(|to| to.starts_with("?ended=1&done=true")));
}

#[tokio::test]
async fn a_form_ends_what_it_names_and_leads_to_a_page_that_says_so() {
    let case = Case::start(|builder| builder).await;
    let (phone, id) = case.log_in("ada", "phone").await;
    let (laptop, _) = case.log_in("ada", "laptop").await;
    let reply = case.form(&format!("end=one&session={id}&principal=%22ada%22")).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    let to = reply.header("location").expect("an address").to_owned();
    assert_eq!(to, "?ended=1&done=true&principal=%22ada%22");
    let page = case.page(&to).await.body;
    assert!(page.contains("Sessions ended: 1.") && page.contains("laptop"), "{page}");
    assert_eq!((user(&phone).await, user(&laptop).await), (String::new(), "ada".to_owned()));
    let again = case.form(&format!("end=one&session={id}")).await;
    assert_eq!(again.header("location"), Some("?ended=0&done=true"));
    case.form("end=all&principal=ada").await;
    assert_eq!(user(&laptop).await, "");
    for form in ["", "end=all", "end=one&session=12", "end=all&session=12&principal=ada"] {
        assert_eq!(case.form(form).await.status, StatusCode::BAD_REQUEST, "{form}");
    }
    assert_eq!(case.page("?session=12").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(case.page("?principal=ada&after=12").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(case.page(&format!("?session={id}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let case = Case::start(|builder| builder).await;
    let (client, id) = case.log_in("ada", "phone").await;
    for header in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let form = format!("/admin?end=one&session={id}");
        let reply = Client::new(&case.server).send(Method::POST, &form, &[header]).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(user(&client).await, "ada");
}

#[tokio::test]
async fn more_sessions_than_fit_a_page_are_on_the_next_one() {
    let case = Case::start(SessionLayerBuilder::unlimited_sessions).await;
    for number in 0..70 {
        case.log_in("ada", &format!("device-{number}-")).await;
    }
    let first = case.page("?principal=ada").await.body;
    assert!(first.contains("swept yet: 70"), "{first}");
    let (_, rest) = first.split_once("<p><a href='").expect("a link to more");
    let (more, _) = rest.split_once('\'').expect("an attribute");
    let second = case.page(&more.replace("&amp;", "&")).await.body;
    for number in 0..70 {
        let device = format!("device-{number}-");
        assert!(first.contains(&device) != second.contains(&device), "{device}");
    }
    assert!(!second.contains(">More<"), "{second}");
}

#[tokio::test]
async fn a_store_that_is_down_is_a_page_that_does_not_say_why() {
    let case = Case::start(|builder| builder).await;
    for operation in [Verb::List, Verb::Count, Verb::Load, Verb::Insert, Verb::Remove] {
        case.store.fault(operation, Fault::Down);
    }
    let id = "0".repeat(32);
    for query in ["?principal=ada", "?check=1", &format!("?session={id}")] {
        let page = case.page(query).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{query}");
        assert!(page.body.contains("the log has the reason"), "{query}: {}", page.body);
    }
    let ended = case.form(&format!("end=one&session={id}")).await;
    assert_eq!(ended.status, StatusCode::SERVICE_UNAVAILABLE);
}
