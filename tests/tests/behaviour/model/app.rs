//! The application in this process: the session types, and a handler that acts out the words of a
//! request and notes what each call answered. Knows nothing of what is expected.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, request::Parts},
    routing::get,
};
use session_runtime::{Error, Peek, Saved, Session, SessionType};

use super::{pending::View, steps::Word};

/// The handler of one request, and what the test has to know of it.
#[derive(Clone, Default)]
pub(super) struct Stage(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    /// The words of every request, before and after the middle.
    words: Vec<[Vec<Word>; 2]>,
    /// The answers to calls since the last look.
    heard: Vec<String>,
    /// The request that waits in its middle.
    held: Option<(usize, Held)>,
    /// The request that may go on.
    freed: Option<usize>,
}

/// A request that waits in its middle.
pub(super) struct Held {
    /// The token that the client would have by now.
    pub(super) token: Option<String>,
}

impl Stage {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request. Returns its number.
    pub(super) fn add(&self, words: [Vec<Word>; 2]) -> usize {
        let mut script = self.script();
        script.words.push(words);
        script.words.len() - 1
    }

    /// Returns what is known of a request in its middle, if that request has come there.
    pub(super) fn held(&self, request: usize) -> Option<Held> {
        self.script().held.take_if(|(number, _)| *number == request).map(|(_, held)| held)
    }

    /// Lets a request go on that is polled again afterwards, so nobody need be woken.
    pub(super) fn free(&self, request: usize) {
        self.script().freed = Some(request);
    }

    /// Takes what calls have answered.
    pub(super) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.script().heard)
    }

    fn part(&self, request: usize, part: usize) -> Vec<Word> {
        self.script().words[request][part].clone()
    }

    async fn hold(&self, request: usize, token: Option<String>) {
        self.script().held = Some((request, Held { token }));
        let is_free = || self.script().freed == Some(request);
        poll_fn(|_| if is_free() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// The acts of a handler on a session of this type.
trait Acts {
    /// Acts out a word. Returns what was answered, if the word asks anything.
    fn act(&self, parts: &Parts, word: Word) -> impl Future<Output = Option<String>> + Send;
}

/// The acts that only sessions in a store have.
trait Compares {
    fn act_in_store(&self, word: Word) -> impl Future<Output = Option<String>> + Send;
}

trait Shown {
    fn view(&self) -> View;
}

macro_rules! session {
    ($name:ident, $payload:literal, { $($only_stored:tt)* }) => {
        #[derive(Session)]
        #[session(name = "m", idle = "30m", absolute = "12h", payload = $payload)]
        pub(super) struct $name {
            #[session(principal)]
            user: Option<String>,
            theme: u32,
            cart: Vec<u32>,
            hits: u32,
            flow: Option<u32>,
            notes: BTreeMap<String, u32>,
            $($only_stored)*
        }

        impl Acts for Session<$name> {
            async fn act(&self, parts: &Parts, word: Word) -> Option<String> {
                match word {
                    Word::Theme(theme) => self.set_theme(theme),
                    Word::Push(item) => self.push_cart(item),
                    Word::Hit => self.update_hits(|hits| *hits += 1),
                    Word::SetFlow(flow) => self.set_flow(flow),
                    Word::TakeFlow => drop(self.take_flow()),
                    Word::Note(key, value) => self.insert_notes(key.to_string(), value),
                    Word::LogIn(user) => self.log_in(user.to_string()),
                    Word::LogOut => self.log_out(),
                    Word::Destroy => self.destroy(),
                    Word::Rotate => self.rotate(),
                    Word::Remember => self.remember_for(Duration::from_secs(20 * 60 * 60)),
                    Word::Save => return Some(saved(&self.save().await)),
                    Word::Transact(item) => {
                        let sum = self.transact(|fields| {
                            let sum = fields.hits() + item;
                            fields.set_theme(sum);
                            fields.push_cart(item);
                            sum
                        });
                        return Some(answered(sum.await));
                    }
                    Word::Peek => {
                        let peek = Peek::<$name>::live_from_parts(parts).await;
                        return Some(answered(peek.map(|peek| peek.map(|peek| peek.view()))));
                    }
                    other => return self.act_in_store(other).await,
                }
                None
            }
        }
    };
}

session!(Stored, "server", {
    #[session(merge = "cas")]
    seat: u32,
    #[session(group = "range")]
    low: u32,
    #[session(group = "range")]
    high: u32,
});
session!(Sealed, "sealed", {});

impl Compares for Session<Stored> {
    async fn act_in_store(&self, word: Word) -> Option<String> {
        match word {
            Word::Seat(seat) => self.set_seat(seat),
            Word::Low(low) => self.set_low(low),
            Word::High(high) => self.set_high(high),
            Word::Claim => return Some(answered(self.claim_flow().await)),
            other => unreachable!("{other:?} is done"),
        }
        None
    }
}

impl Compares for Session<Sealed> {
    async fn act_in_store(&self, word: Word) -> Option<String> {
        unreachable!("{word:?} does not compile on a payload in the token")
    }
}

impl Shown for Stored {
    fn view(&self) -> View {
        let Self { user, theme, hits, flow, seat, low, high, .. } = self;
        View {
            user: user.as_ref().and_then(|user| user.chars().next()),
            theme: *theme,
            cart: self.cart.clone(),
            hits: *hits,
            flow: *flow,
            notes: self.notes.clone(),
            seat: *seat,
            low: *low,
            high: *high,
        }
    }
}

impl Shown for Sealed {
    fn view(&self) -> View {
        View {
            user: self.user.as_ref().and_then(|user| user.chars().next()),
            theme: self.theme,
            cart: self.cart.clone(),
            hits: self.hits,
            flow: self.flow,
            notes: self.notes.clone(),
            ..View::default()
        }
    }
}

/// Returns the text of a result, whose errors are told apart by kind.
pub(super) fn answered<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) if error.is_conflict() => "conflict".to_owned(),
        Err(error) if error.is_gone() => "gone".to_owned(),
        Err(error) if error.is_unavailable() => "unavailable".to_owned(),
        Err(error) => format!("status {}", error.status().as_u16()),
    }
}

fn saved(saved: &Result<Saved, Error>) -> String {
    answered(saved.as_ref().copied().map_err(Clone::clone))
}

/// Acts out a request, and waits in the middle.
async fn act<T: SessionType>(
    s: Session<T>,
    State(stage): State<Stage>,
    Path((request, status)): Path<(usize, u16)>,
    parts: Parts,
) -> StatusCode
where
    Session<T>: Acts,
{
    for part in [0, 1] {
        for word in stage.part(request, part) {
            if let Some(answer) = s.act(&parts, word).await {
                stage.script().heard.push(answer);
            }
        }
        if part == 0 {
            let token = s.session_token().map(|token| token.as_str().to_owned());
            stage.hold(request, token).await;
        }
    }
    StatusCode::from_u16(status).expect("a status")
}

async fn peek<T: SessionType + Shown>(peek: Option<Peek<T>>) -> Json<Option<View>> {
    Json(peek.map(|peek| peek.view()))
}

fn routes<T: SessionType + Shown>(stage: Stage) -> Router
where
    Session<T>: Acts,
{
    Router::new()
        .route("/peek", get(peek::<T>))
        .route("/{request}/{status}", get(act::<T>))
        .with_state(stage)
}

pub(super) fn stored(stage: Stage) -> Router {
    routes::<Stored>(stage)
}

pub(super) fn sealed(stage: Stage) -> Router {
    routes::<Sealed>(stage)
}
