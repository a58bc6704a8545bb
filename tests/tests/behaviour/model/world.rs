//! The application's clients, their tokens and the time, and the comparison of what they see with what
//! the model expects.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::header,
    response::Response,
};
use session_runtime::{
    KeyRing, SessionLayer, SessionLayerBuilder, SessionType, clock::ManualClock, policy::OnLost,
    store::MemoryStore,
};
use tests::{Fault, Spy, Verb, spy};
use tower::ServiceExt;

use super::{
    app::{Sealed, Stage, Stored, sealed, stored},
    course::{Course, hear, matching},
    expected::Model,
    pending::View,
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

    pub(super) const fn is_stored(self) -> bool {
        matches!(self, Self::Stored | Self::StoredTold | Self::StoredSmall)
    }

    pub(super) const fn is_revocable(self) -> bool {
        matches!(self, Self::Revocable | Self::RevocableTold)
    }

    pub(super) const fn may_be_full(self) -> bool {
        matches!(self, Self::StoredSmall)
    }
}

pub(super) struct World {
    kind: Kind,
    app: Router,
    stage: Stage,
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

/// The polls after which a handler is at rest that waits for nothing but its store.
const POLLS: usize = 10_000;

impl World {
    pub(super) fn new(kind: Kind) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = match kind {
            Kind::StoredSmall => MemoryStore::with_limit(2),
            _ => MemoryStore::default(),
        };
        let (store, stage) = (spy(store), Stage::default());
        let app = if kind.is_stored() {
            let builder = builder::<Stored>(kind, &clock).store(store.clone());
            stored(stage.clone()).layer(builder.build().expect("a sound configuration"))
        } else {
            let builder = builder::<Sealed>(kind, &clock);
            let builder = match kind {
                Kind::Irrevocable => builder.accept_replay_until_expiry(),
                _ => builder.revocation(store.clone()),
            };
            sealed(stage.clone()).layer(builder.build().expect("a sound configuration"))
        };
        let (sent, dead) = (Vec::new(), Vec::new());
        Self { kind, app, stage, clock, store, clients: [None, None], sent, dead }
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
        assert!(matches!(sent(&response), Sent::Nothing), "a peek is no use");
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        serde_json::from_slice(&body).expect("a view")
    }

    async fn request(&mut self, request: &Request) -> Result<(), String> {
        let replayed = request.replays.and_then(|at| self.sent.get(at).cloned());
        let token = replayed.or_else(|| self.clients[request.client].clone());
        let loaded = self.view(token.as_deref()).await;
        let number = self.stage.add([request.first.clone(), request.then.clone()]);
        let mut answer = self.call(&format!("/{number}/{}", request.status), token.as_deref());
        let own = self.come_to_the_middle(number, &mut answer).await;
        let models = vec![Model::new(self.kind, loaded.as_ref())];
        let models = hear(models, &request.first, &self.stage.heard())?;
        let seen = self.view(own.as_deref()).await;
        let models =
            matching(models, |model| (model.has_token(), &model.stored) == (own.is_some(), &seen));
        let mut models = models.map_err(|models| {
            format!("in the middle the session is {seen:?}, not {models:?}: {request:?}")
        })?;

        for step in &request.between {
            Box::pin(self.step(step)).await?;
        }
        let stored = self.view(own.as_deref()).await;
        for model in &mut models {
            model.stored.clone_from(&stored);
        }
        let old = self.view(token.as_deref()).await;
        // Sessions that are none of this request's.
        let are_own = [token.as_ref(), own.as_ref()];
        let mut others = Vec::new();
        for sent in self.sent.iter().rev().filter(|sent| !are_own.contains(&Some(sent))).take(2) {
            others.push((sent.clone(), self.view(Some(sent)).await));
        }
        let course = Course { request, number, models, token, old, others };
        self.end(course, answer).await
    }

    /// Polls a request until its handler waits in its middle. Returns the token that the client would
    /// have by then.
    async fn come_to_the_middle(&self, number: usize, answer: &mut Answer) -> Option<String> {
        for _ in 0..POLLS {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(answer.as_mut().poll(&mut cx).is_pending(), "it waits in the middle");
            if let Some(held) = self.stage.held(number) {
                return held.token;
            }
            tokio::task::yield_now().await;
        }
        panic!("the handler comes to its middle");
    }

    /// Lets a request end from its middle on, and checks what the next one sees.
    async fn end(&mut self, course: Course<'_>, answer: Answer) -> Result<(), String> {
        let Course { request, ref token, ref old, .. } = course;
        if request.end == End::DroppedInHandler {
            drop(answer);
            let after = self.view(token.as_deref()).await;
            let same = std::slice::from_ref(old);
            return equal(after.as_ref(), same, "a dropped request did something");
        }
        self.stage.free(course.number);
        if request.end == End::DroppedInCommit {
            return self.drop_in_commit(&course, answer).await;
        }
        if let Some(operation) = request.fault {
            self.store.fault(operation, Fault::Down);
        }
        let response = answer.await;
        if let Some(operation) = request.fault {
            self.store.heal(operation);
        }
        let next = self.take_over(&course, sent(&response));
        let after = self.view(next.as_deref()).await;
        let status = response.status().as_u16();
        let told = format!("status {status}, {course:?}");
        let models = course.answer(&self.stage.heard(), status)?;
        let models = matching(models, |model| model.stored == after);
        let models = models.map_err(|models| {
            let allowed: Vec<_> = models.into_iter().map(|model| model.stored).collect();
            format!("the next request sees {after:?}, not {allowed:?}: {told}")
        })?;
        self.check_the_old_token(&course, &models, next.as_deref(), &told).await?;
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

    /// Checks that a token is dead that must be, and that the client has another one, or none.
    async fn check_the_old_token(
        &mut self,
        course: &Course<'_>,
        models: &[Model],
        next: Option<&str>,
        told: &str,
    ) -> Result<(), String> {
        let Some(token) = &course.token else { return Ok(()) };
        let is_renewed = models.iter().all(|model| model.is_renewed);
        let is_known = models.iter().all(|model| model.has_ended || model.stored.is_some());
        if is_renewed && is_known && next == Some(token) {
            return Err(format!("no new token: {told}"));
        }
        if course.old.is_none() || is_renewed && self.kind != Kind::Irrevocable {
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
        let Request { first, then, .. } = course.request;
        let ends = |word: &Word| matches!(word, Word::LogOut | Word::Destroy);
        let may_end =
            first.iter().chain(then).any(ends) || self.kind.may_be_full() || !self.kind.is_stored();
        for (other, was) in course.others.iter().filter(|(other, _)| Some(other.as_str()) != next) {
            let is = self.view(Some(other)).await;
            if *was != is && !(is.is_none() && may_end) {
                return Err(format!("another session was {was:?}, is {is:?}: {told}"));
            }
        }
        Ok(())
    }

    /// Drops a request whose store takes its time. Each of its commits happens as a whole, or not at
    /// all.
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
        self.stage.heard();
        let after = self.view(course.token.as_deref()).await;
        // The token that it would have sent is lost with it.
        let mut allowed = vec![course.old.clone(), None];
        allowed.extend(course.moments().into_iter().map(|model| model.stored));
        equal(after.as_ref(), &allowed, "half of a commit")
    }
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
