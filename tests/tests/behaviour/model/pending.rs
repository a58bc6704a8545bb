//! The wishes of a handler that no commit has carried out yet, and their effect on a session that is
//! there. Knows nothing of the store, or of when commits happen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::steps::Word;

/// A session as a request sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct View {
    pub(super) user: Option<char>,
    pub(super) theme: u32,
    pub(super) cart: Vec<u32>,
    pub(super) hits: u32,
    pub(super) flow: Option<u32>,
    pub(super) notes: BTreeMap<String, u32>,
    pub(super) seat: u32,
    pub(super) low: u32,
    pub(super) high: u32,
}

/// A write to one field.
#[derive(Clone, Debug, Default)]
enum Write<T> {
    #[default]
    None,
    Set(T),
    /// Made again on whatever is there.
    Add(T),
}

/// A value to which something can be added.
trait Value: Clone + PartialEq {
    fn plus(&self, more: &Self) -> Self;
}

impl Value for u32 {
    fn plus(&self, more: &Self) -> Self {
        self + more
    }
}

impl Value for Option<u32> {
    fn plus(&self, more: &Self) -> Self {
        more.or(*self)
    }
}

impl Value for Vec<u32> {
    fn plus(&self, more: &Self) -> Self {
        [self.as_slice(), more].concat()
    }
}

impl Value for BTreeMap<String, u32> {
    fn plus(&self, more: &Self) -> Self {
        self.clone().into_iter().chain(more.clone()).collect()
    }
}

impl<T: Value> Write<T> {
    fn set(&mut self, seen: &mut T, value: T) {
        seen.clone_from(&value);
        *self = Self::Set(value);
    }

    fn add(&mut self, seen: &mut T, more: &T) {
        *seen = seen.plus(more);
        *self = match self {
            Self::None => Self::Add(more.clone()),
            Self::Set(value) => Self::Set(value.plus(more)),
            Self::Add(before) => Self::Add(before.plus(more)),
        };
    }

    const fn is_written(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Returns the value that the handler has made of `base`.
    fn made(&self, base: &T) -> T {
        match self {
            Self::None => base.clone(),
            Self::Set(value) => value.clone(),
            Self::Add(more) => base.plus(more),
        }
    }

    /// Returns whether there is anything to store.
    fn changes(&self, base: &T) -> bool {
        self.made(base) != *base
    }

    /// Returns what is in a session that had `there`. What is as in `base` is not written, unless
    /// `whole`.
    fn on(&self, there: &T, base: &T, whole: bool) -> T {
        if whole || self.changes(base) { self.made(there) } else { there.clone() }
    }
}

/// An end of the session that the handler asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    LogOut,
    Destroy,
}

/// The wishes of the handler beside its writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) log_in: Option<char>,
    pub(super) end: Option<Ending>,
    pub(super) rotate: bool,
    pub(super) remember: bool,
    /// All fields were cleared for another principal.
    cleared: bool,
}

impl Asked {
    pub(super) const fn any(&self) -> bool {
        self.log_in.is_some() || self.end.is_some() || self.rotate || self.remember
    }
}

/// The writes of the handler that are not saved.
#[derive(Clone, Debug, Default)]
struct Writes {
    theme: Write<u32>,
    cart: Write<Vec<u32>>,
    hits: Write<u32>,
    flow: Write<Option<u32>>,
    notes: Write<BTreeMap<String, u32>>,
    seat: Write<u32>,
    low: Write<u32>,
    high: Write<u32>,
    /// The flow was taken that the session was known to have.
    has_taken: bool,
}

/// The wishes of the handler since the last commit, word after word.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    /// The session as the handler sees it by now.
    pub(super) seen: View,
    pub(super) asked: Asked,
    /// Something was written since somebody asked.
    pub(super) is_written: bool,
    writes: Writes,
}

impl Pending {
    /// Returns no wishes about a session that the handler sees like this.
    pub(super) fn none(seen: View) -> Self {
        Self { seen, ..Self::default() }
    }

    /// Adds a word that asks nothing of the store.
    pub(super) fn add(&mut self, word: Word) {
        let (seen, writes) = (&mut self.seen, &mut self.writes);
        match word {
            Word::Theme(theme) => writes.theme.set(&mut seen.theme, theme),
            Word::Push(item) => writes.cart.add(&mut seen.cart, &vec![item]),
            Word::Hit => writes.hits.add(&mut seen.hits, &1),
            Word::SetFlow(flow) => writes.flow.set(&mut seen.flow, Some(flow)),
            Word::TakeFlow => {
                if seen.flow.is_none() {
                    return;
                }
                writes.has_taken |= !writes.flow.is_written();
                writes.flow.set(&mut seen.flow, None);
            }
            Word::Note(key, value) => {
                writes.notes.add(&mut seen.notes, &BTreeMap::from([(key.to_string(), value)]));
            }
            Word::Seat(seat) => writes.seat.set(&mut seen.seat, seat),
            Word::Low(low) => writes.low.set(&mut seen.low, low),
            Word::High(high) => writes.high.set(&mut seen.high, high),
            Word::LogIn(user) => {
                if seen.user.is_some_and(|before| before != user) {
                    self.clear();
                    self.asked.cleared = true;
                }
                self.seen.user = Some(user);
                self.asked.log_in = Some(user);
            }
            Word::LogOut => {
                self.clear();
                self.asked = Asked { end: Some(Ending::LogOut), ..Asked::default() };
            }
            Word::Destroy => {
                self.clear();
                // A log-in that is in vain is told so.
                let log_in = self.asked.log_in;
                self.asked = Asked { end: Some(Ending::Destroy), log_in, ..Asked::default() };
                self.is_written = false;
                return;
            }
            Word::Rotate => return self.asked.rotate = true,
            Word::Remember => return self.asked.remember = true,
            Word::Save | Word::Transact(_) | Word::Claim | Word::Peek => {
                unreachable!("{word:?} asks the store")
            }
        }
        self.is_written = true;
    }

    fn clear(&mut self) {
        let Self { seen, writes, .. } = self;
        *seen = View::default();
        let View { theme, cart, hits, flow, notes, seat, low, high, .. } = seen;
        writes.theme.set(theme, 0);
        writes.cart.set(cart, Vec::new());
        writes.hits.set(hits, 0);
        writes.flow.set(flow, None);
        writes.notes.set(notes, BTreeMap::new());
        writes.seat.set(seat, 0);
        writes.low.set(low, 0);
        writes.high.set(high, 0);
    }

    /// Notes that the flow was taken out of the store.
    pub(super) fn note_claimed(&mut self) {
        self.seen.flow = None;
    }

    /// Returns whether the flow was written, so that nobody else knows its value.
    pub(super) const fn has_flow(&self) -> bool {
        self.writes.flow.is_written()
    }

    /// Notes that all wishes are carried out.
    pub(super) fn settle(&mut self) {
        *self = Self { is_written: self.is_written, ..Self::none(self.seen.clone()) };
    }

    /// Returns whether a commit must change a session that has `base`.
    pub(super) fn changes(&self, base: &View) -> bool {
        let Writes { theme, cart, hits, flow, notes, .. } = &self.writes;
        self.asked.any()
            || theme.changes(&base.theme)
            || cart.changes(&base.cart)
            || hits.changes(&base.hits)
            || flow.changes(&base.flow)
            || notes.changes(&base.notes)
            || self.changes_seat(base)
            || self.changes_range(base)
    }

    fn changes_seat(&self, base: &View) -> bool {
        self.writes.seat.changes(&base.seat)
    }

    fn changes_range(&self, base: &View) -> bool {
        self.writes.low.changes(&base.low) || self.writes.high.changes(&base.high)
    }

    /// Returns whether a commit to a session that has `there` now conflicts with what another request
    /// has made of `base`.
    pub(super) fn conflicts(&self, base: &View, there: &View) -> bool {
        let Writes { flow, has_taken, .. } = &self.writes;
        // What is cleared by a log-in is written anew, whatever it was before.
        let from = if self.asked.cleared { &View::default() } else { base };
        let takes = *has_taken
            && if self.asked.cleared {
                (flow.made(&base.flow), base.flow) != (None, None)
            } else {
                flow.changes(&base.flow)
            };
        takes && there.flow != base.flow
            || self.changes_seat(from) && there.seat != base.seat
            || self.changes_range(from) && (there.low, there.high) != (base.low, base.high)
    }

    /// Returns whether anything of the request rests on the session that it had, so that a log-in
    /// cannot take place in another one.
    pub(super) fn rests_on_the_session(&self) -> bool {
        let Writes { seat, low, high, has_taken, .. } = &self.writes;
        let is_compared =
            |write: &Write<u32>| write.is_written() && !(self.asked.cleared && write.made(&0) == 0);
        *has_taken || [seat, low, high].into_iter().any(is_compared)
    }

    /// Returns what is in a session that had `there`, after a commit to it by a request that knows
    /// `base`.
    pub(super) fn on(&self, there: &View, base: &View) -> View {
        let none = View::default();
        let (there, whole) = if self.asked.cleared { (&none, true) } else { (there, false) };
        self.written(there, base, whole)
    }

    /// Begins again with the defaults, on which all writes are made again.
    pub(super) fn start_anew(&mut self) {
        let none = View::default();
        self.seen = self.written(&none, &none, true);
        self.asked.cleared = false;
    }

    fn written(&self, there: &View, base: &View, whole: bool) -> View {
        let Writes { theme, cart, hits, flow, notes, seat, low, high, .. } = &self.writes;
        View {
            user: self.asked.log_in.or(there.user),
            theme: theme.on(&there.theme, &base.theme, whole),
            cart: cart.on(&there.cart, &base.cart, whole),
            hits: hits.on(&there.hits, &base.hits, whole),
            flow: flow.on(&there.flow, &base.flow, whole),
            notes: notes.on(&there.notes, &base.notes, whole),
            seat: seat.on(&there.seat, &base.seat, whole),
            low: low.on(&there.low, &base.low, whole),
            high: high.on(&there.high, &base.high, whole),
        }
    }
}
