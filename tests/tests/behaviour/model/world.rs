//! An application in this process, its clients' tokens, and the comparison of what they see with what
//! the model expects.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{StatusCode, header},
    response::Response,
    routing::get,
};
use session_runtime::{
    KeyRing, Peek, Session, SessionLayer, SessionLayerBuilder, SessionType, clock::ManualClock,
    policy::OnLost, store::MemoryStore,
};
use tests::{Fault, Spy, Verb, spy};
use tower::ServiceExt;

use super::{
    expected::{Asked, Outcome, View},
    steps::{End, Request, Step, Word},
};

/// Where the sessions are, and what is told of lost changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stored,
    StoredTold,
    /// In a store that has room for few.
    StoredSmall,
    Revocable,
    RevocableTold,
    Irrevocable,
}

impl Kind {
    pub(super) const ALL: [Self; 6] = [
        Self::Stored,
        Self::StoredTold,
        Self::StoredSmall,
        Self::Revocable,
        Self::RevocableTold,
        Self::Irrevocable,
    ];

    pub(super) const fn tells_lost(self) -> bool {
        matches!(self, Self::StoredTold | Self::StoredSmall | Self::RevocableTold)
    }

    const fn is_stored(self) -> bool {
        matches!(self, Self::Stored | Self::StoredTold | Self::StoredSmall)
    }
}

macro_rules! session {
    ($name:ident, $payload:literal, $routes:ident) => {
        #[derive(Session)]
        #[session(name = "m", idle = "30m", absolute = "12h", payload = $payload)]
        struct $name {
            #[session(principal)]
            user: Option<String>,
            theme: u32,
            cart: Vec<u32>,
            hits: u32,
            flow: Option<u32>,
        }

        fn $routes(gate: Gate) -> Router {
            Router::new()
                .route(
                    "/peek",
                    get(async |peek: Option<Peek<$name>>| {
                        Json(peek.map(|peek| View {
                            user: peek.user.as_ref().and_then(|user| user.chars().next()),
                            theme: peek.theme,
                            cart: peek.cart.clone(),
                            hits: peek.hits,
                            flow: peek.flow,
                        }))
                    }),
                )
                .route(
                    "/{words}/{status}",
                    get(
                        async |s: Session<$name>,
                               State(gate): State<Gate>,
                               Path((words, status)): Path<(String, u16)>| {
                            for word in words.split('+') {
                                let (verb, value) = word.split_at(1);
                                let number = || value.parse::<u32>().expect("a number");
                                match verb {
                                    "-" => gate.pass().await,
                                    "t" => s.set_theme(number()),
                                    "p" => s.push_cart(number()),
                                    "h" => s.update_hits(|hits| *hits += 1),
                                    "f" => s.set_flow(number()),
                                    "k" => drop(s.take_flow()),
                                    "i" => s.log_in(value.to_owned()),
                                    "o" => s.log_out(),
                                    "d" => s.destroy(),
                                    "r" => s.rotate(),
                                    "m" => s.remember_for(Duration::from_secs(20 * 60 * 60)),
                                    other => unreachable!("no word `{other}`"),
                                }
                            }
                            StatusCode::from_u16(status).expect("a status")
                        },
                    ),
                )
                .with_state(gate)
        }
    };
}

session!(Stored, "server", stored);
session!(Sealed, "sealed", sealed);

impl Word {
    fn text(self) -> String {
        match self {
            Self::Theme(theme) => format!("t{theme}"),
            Self::Push(item) => format!("p{item}"),
            Self::Hit => "h".to_owned(),
            Self::SetFlow(flow) => format!("f{flow}"),
            Self::TakeFlow => "k".to_owned(),
            Self::LogIn(user) => format!("i{user}"),
            Self::LogOut => "o".to_owned(),
            Self::Destroy => "d".to_owned(),
            Self::Rotate => "r".to_owned(),
            Self::Remember => "m".to_owned(),
        }
    }
}

/// Holds one request in the middle.
#[derive(Clone, Default)]
struct Gate(Arc<AtomicBool>);

impl Gate {
    /// The test polls the request again when the gate is open, so nobody need be woken.
    async fn pass(&self) {
        let is_open = || self.0.load(Ordering::SeqCst);
        poll_fn(|_| if is_open() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

pub(super) struct World {
    kind: Kind,
    app: Router,
    gate: Gate,
    clock: Arc<ManualClock>,
    store: Spy<MemoryStore>,
    /// The clients' tokens.
    clients: [Option<String>; 2],
    /// Every token that was sent.
    sent: Vec<String>,
    /// Tokens that must never be good again.
    dead: Vec<String>,
}

/// The effect of a response on the client's token.
enum Sent {
    Nothing,
    Token(String),
    Expiry,
}

type Answer = Pin<Box<dyn Future<Output = Response>>>;

impl World {
    pub(super) fn new(kind: Kind) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = match kind {
            Kind::StoredSmall => MemoryStore::with_limit(2),
            _ => MemoryStore::default(),
        };
        let (store, gate) = (spy(store), Gate::default());
        let app = if kind.is_stored() {
            let builder = builder::<Stored>(kind, &clock).store(store.clone());
            stored(gate.clone()).layer(builder.build().expect("a sound configuration"))
        } else {
            let builder = builder::<Sealed>(kind, &clock);
            let builder = match kind {
                Kind::Irrevocable => builder.accept_replay_until_expiry(),
                _ => builder.revocation(store.clone()),
            };
            sealed(gate.clone()).layer(builder.build().expect("a sound configuration"))
        };
        let (sent, dead) = (Vec::new(), Vec::new());
        Self { kind, app, gate, clock, store, clients: [None, None], sent, dead }
    }

    pub(super) async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Wait(seconds) => {
                self.clock.advance(Duration::from_secs(*seconds));
                Ok(())
            }
            Step::Request(request) => self.request(request).await,
        }
    }

    /// Checks that no token that must be dead is good.
    pub(super) async fn check_the_dead(&self) -> Result<(), String> {
        for token in &self.dead {
            if let Some(view) = self.view(Some(token)).await {
                return Err(format!("a dead token shows {view:?}"));
            }
        }
        Ok(())
    }

    fn call(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = http::Request::get(path).header(header::HOST, "localhost");
        if let Some(token) = token {
            request = request.header(header::COOKIE, format!("m={token}"));
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = self.app.clone().oneshot(request);
        Box::pin(async { answer.await.unwrap_or_else(|never| match never {}) })
    }

    /// Returns the session that the next request with this token sees.
    async fn view(&self, token: Option<&str>) -> Option<View> {
        let response = self.call("/peek", token).await;
        assert_eq!(response.status(), 200, "the store works");
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        serde_json::from_slice(&body).expect("a view")
    }

    async fn views(&self, tokens: &[String]) -> Vec<Option<View>> {
        let mut views = Vec::with_capacity(tokens.len());
        for token in tokens {
            views.push(self.view(Some(token)).await);
        }
        views
    }

    async fn request(&mut self, request: &Request) -> Result<(), String> {
        let replayed = request.replays.and_then(|at| self.sent.get(at).cloned());
        let token = replayed.or_else(|| self.clients[request.client].clone());
        let loaded = self.view(token.as_deref()).await;
        let words: Vec<Word> = [request.first.as_slice(), request.then.as_slice()].concat();
        let asked = Asked::of(&words, loaded.as_ref());
        let texts = |words: &[Word]| words.iter().map(|word| word.text()).collect::<Vec<_>>();
        let texts = [texts(&request.first), vec!["-".to_owned()], texts(&request.then)].concat();
        let path = format!("/{}/{}", texts.join("+"), request.status);

        self.gate.0.store(false, Ordering::SeqCst);
        let mut answer = self.call(&path, token.as_deref());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(answer.as_mut().poll(&mut cx).is_pending(), "it waits in the middle");
        for step in &request.between {
            Box::pin(self.step(step)).await?;
        }
        let before = if request.between.is_empty() {
            loaded.clone()
        } else {
            self.view(token.as_deref()).await
        };
        // Sessions that are none of this request's.
        let sent = self.sent.iter().rev().filter(|sent| Some(*sent) != token.as_ref());
        let others: Vec<String> = sent.take(2).cloned().collect();
        let others = others.iter().cloned().zip(self.views(&others).await).collect();
        let course = Course { request, asked, token, loaded, before, others };
        self.end(course, answer).await
    }

    /// Lets a request end from its middle on, and checks what the next one sees.
    async fn end(&mut self, course: Course<'_>, answer: Answer) -> Result<(), String> {
        if course.request.end == End::DroppedInHandler {
            drop(answer);
            let after = self.view(course.token.as_deref()).await;
            return equal(after.as_ref(), &[course.before], "a dropped request did something");
        }
        self.gate.0.store(true, Ordering::SeqCst);
        if course.request.end == End::DroppedInCommit {
            return self.drop_in_commit(&course, answer).await;
        }
        if let Some(operation) = course.request.fault {
            self.store.fault(operation, Fault::Down);
        }
        let response = answer.await;
        if let Some(operation) = course.request.fault {
            self.store.heal(operation);
        }
        let next = self.take_over(&course, sent(&response));
        let after = self.view(next.as_deref()).await;
        let status = response.status().as_u16();
        let told = format!("status {status}, {course:?}");
        equal(after.as_ref(), &course.allowed(self.kind, status, &told)?, &told)?;
        self.check_the_old_token(&course, status, next.as_deref(), &told).await?;
        self.check_others(&course, next.as_deref(), &told).await
    }

    /// Notes what a response does to the client's token. Returns the token of the next request.
    fn take_over(&mut self, course: &Course<'_>, sent: Sent) -> Option<String> {
        let next = match sent {
            Sent::Nothing => return course.token.clone(),
            Sent::Token(new) => Some(new),
            Sent::Expiry => None,
        };
        self.clients[course.request.client].clone_from(&next);
        let new = next.iter().filter(|new| !self.sent.contains(new)).cloned().collect::<Vec<_>>();
        self.sent.extend(new);
        next
    }

    async fn check_the_old_token(
        &mut self,
        course: &Course<'_>,
        status: u16,
        next: Option<&str>,
        told: &str,
    ) -> Result<(), String> {
        let Course { request, asked, token, before, .. } = course;
        let is_error = is_error(status);
        // An ended note lasts as long as its token, so another lifetime is another token.
        let is_revocable = matches!(self.kind, Kind::Revocable | Kind::RevocableTold);
        let changes = asked.log_in.is_some() || asked.rotate || (asked.remember && is_revocable);
        // An error stores no field, and stops no rotation.
        let rotates = asked.rotate && !asked.ends() && before.is_some() && asked.log_in.is_none();
        let is_certain = request.fault.is_none() && status != 503;
        let is_new = before.is_some()
            && ((!is_error && (asked.ends() || changes)) || (rotates && is_certain));
        if is_new && next == token.as_deref() {
            return Err(format!("no new token: {told}"));
        }
        let Some(token) = token else { return Ok(()) };
        let is_over = asked.ends() || rotates || (!is_error && changes);
        if before.is_none() || (is_over && is_certain && self.kind != Kind::Irrevocable) {
            if let Some(view) = self.view(Some(token)).await {
                return Err(format!("the old token shows {view:?}: {told}"));
            }
            self.dead.push(token.clone());
        }
        Ok(())
    }

    async fn check_others(
        &self,
        course: &Course<'_>,
        next: Option<&str>,
        told: &str,
    ) -> Result<(), String> {
        let may_end =
            course.asked.ends() || self.kind == Kind::StoredSmall || !self.kind.is_stored();
        for (other, was) in course.others.iter().filter(|(other, _)| Some(other.as_str()) != next) {
            let is = self.view(Some(other)).await;
            if *was != is && !(is.is_none() && may_end) {
                return Err(format!("another session was {was:?}, is {is:?}: {told}"));
            }
        }
        Ok(())
    }

    /// Drops a request whose store takes its time. Its commit happens as a whole, or not at all.
    async fn drop_in_commit(
        &mut self,
        course: &Course<'_>,
        mut answer: Answer,
    ) -> Result<(), String> {
        let operations = [Verb::Insert, Verb::Replace, Verb::Remove, Verb::Touch];
        for operation in operations {
            self.store.fault(operation, Fault::Held);
        }
        let mut cx = Context::from_waker(Waker::noop());
        let _ = answer.as_mut().poll(&mut cx);
        drop(answer);
        for operation in operations {
            self.store.heal(operation);
        }
        // The tasks that go on with it.
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
        let after = self.view(course.token.as_deref()).await;
        // The token that it would have sent is lost with it.
        let mut allowed = vec![course.before.clone(), None];
        allowed.extend(course.outcomes(self.kind).into_iter().map(|outcome| outcome.view));
        equal(after.as_ref(), &allowed, "half of a commit")
    }
}

/// A request in its middle.
#[derive(Debug)]
struct Course<'a> {
    request: &'a Request,
    asked: Asked,
    token: Option<String>,
    loaded: Option<View>,
    before: Option<View>,
    /// Tokens of other requests, with what they show.
    others: Vec<(String, Option<View>)>,
}

impl Course<'_> {
    fn outcomes(&self, kind: Kind) -> Vec<Outcome> {
        let (loaded, before) = (self.loaded.as_ref(), self.before.as_ref());
        self.asked.outcomes(kind, self.request.status, loaded, before)
    }

    /// Returns what the next request may see after this status, or an error if no answer has it.
    fn allowed(&self, kind: Kind, status: u16, told: &str) -> Result<Vec<Option<View>>, String> {
        let outcomes = self.outcomes(kind).into_iter();
        let mut allowed: Vec<_> =
            outcomes.filter(|outcome| outcome.status == status).map(|it| it.view).collect();
        let is_faulty = self.request.fault.is_some();
        if allowed.is_empty() {
            if status != 503 || !(is_faulty || kind == Kind::StoredSmall) {
                return Err(format!("unexpected: {told}"));
            }
            allowed.push(self.before.clone());
            allowed.extend(self.asked.ends().then_some(None));
        } else if is_faulty && is_error(status) {
            // An end that failed beside an error.
            allowed.push(self.before.clone());
        }
        Ok(allowed)
    }
}

/// Returns whether a response with this status may store nothing. The handlers' own 404 stores.
const fn is_error(status: u16) -> bool {
    status >= 400 && status != 404
}

fn builder<T: SessionType>(kind: Kind, clock: &Arc<ManualClock>) -> SessionLayerBuilder<T> {
    let on_lost = if kind.tells_lost() { OnLost::Conflict } else { OnLost::Keep };
    SessionLayer::<T>::builder(KeyRing::ephemeral().expect("random bytes"))
        .clock(Arc::clone(clock))
        .on_lost(on_lost)
        .insecure_dev()
}

fn equal(after: Option<&View>, allowed: &[Option<View>], told: &str) -> Result<(), String> {
    if allowed.iter().any(|allowed| allowed.as_ref() == after) {
        return Ok(());
    }
    Err(format!("the next request sees {after:?}, not {allowed:?}: {told}"))
}

fn sent(response: &Response) -> Sent {
    let cookies: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().collect();
    assert!(cookies.len() <= 1, "one cookie at most");
    let Some(cookie) = cookies.first() else { return Sent::Nothing };
    let text = cookie.to_str().expect("text");
    if text.contains("Max-Age=0") {
        return Sent::Expiry;
    }
    let value = text.split(['=', ';']).nth(1).expect("a value");
    Sent::Token(value.to_owned())
}
