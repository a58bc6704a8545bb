//! The model: what the next request must see, from what a request has loaded, what the session was
//! just before the commit, and what the handler did. Knows nothing of tokens or stores.

use serde::{Deserialize, Serialize};

use super::{steps::Word, world::Kind};

/// A session as a request sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct View {
    pub(super) user: Option<char>,
    pub(super) theme: u32,
    pub(super) cart: Vec<u32>,
    pub(super) hits: u32,
    pub(super) flow: Option<u32>,
}

/// A write to one field.
#[derive(Clone, Debug)]
enum Write<T> {
    None,
    Set(T),
    /// Made again on whatever is there.
    Add(T),
}

/// The wishes of the handler, word after word.
#[expect(clippy::struct_excessive_bools, reason = "each was asked for apart from the others")]
#[derive(Debug)]
pub(super) struct Asked {
    /// The session as the handler sees it by now.
    seen: View,
    theme: Write<u32>,
    cart: Write<Vec<u32>>,
    hits: Write<u32>,
    flow: Write<Option<u32>>,
    /// The loaded flow was taken.
    compared: bool,
    /// All fields were cleared for another principal.
    cleared: bool,
    pub(super) log_in: Option<char>,
    pub(super) log_out: bool,
    pub(super) destroy: bool,
    pub(super) rotate: bool,
    pub(super) remember: bool,
    /// A log-in and a destroy.
    contradicts: bool,
    /// Something was written to a field.
    written: bool,
}

/// An answer that may be given, and the session that the next request then sees.
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) view: Option<View>,
}

impl Asked {
    pub(super) fn of(words: &[Word], loaded: Option<&View>) -> Self {
        let mut asked = Self {
            seen: loaded.cloned().unwrap_or_default(),
            theme: Write::None,
            cart: Write::None,
            hits: Write::None,
            flow: Write::None,
            compared: false,
            cleared: false,
            log_in: None,
            log_out: false,
            destroy: false,
            rotate: false,
            remember: false,
            contradicts: false,
            written: false,
        };
        for word in words {
            asked.add(*word);
        }
        asked
    }

    fn add(&mut self, word: Word) {
        match word {
            Word::Theme(theme) => {
                self.seen.theme = theme;
                self.theme = Write::Set(theme);
            }
            Word::Push(item) => {
                self.seen.cart.push(item);
                match &mut self.cart {
                    Write::Set(items) | Write::Add(items) => items.push(item),
                    Write::None => self.cart = Write::Add(vec![item]),
                }
            }
            Word::Hit => {
                self.seen.hits += 1;
                match &mut self.hits {
                    Write::Set(hits) | Write::Add(hits) => *hits += 1,
                    Write::None => self.hits = Write::Add(1),
                }
            }
            Word::SetFlow(flow) => {
                self.seen.flow = Some(flow);
                self.flow = Write::Set(Some(flow));
            }
            Word::TakeFlow => {
                if self.seen.flow.take().is_none() {
                    return;
                }
                self.compared |= matches!(self.flow, Write::None);
                self.flow = Write::Set(None);
            }
            Word::LogIn(user) => {
                if self.seen.user.is_some_and(|before| before != user) {
                    self.clear();
                    self.cleared = true;
                }
                self.seen.user = Some(user);
                self.log_in = Some(user);
                self.contradicts |= self.destroy;
            }
            Word::LogOut => {
                self.clear();
                self.log_out = true;
                (self.destroy, self.contradicts, self.log_in) = (false, false, None);
                (self.rotate, self.remember, self.cleared) = (false, false, false);
            }
            Word::Destroy => {
                self.clear();
                self.contradicts = self.log_in.is_some();
                (self.destroy, self.log_out) = (true, false);
                (self.rotate, self.remember, self.cleared) = (false, false, false);
            }
            Word::Rotate => return self.rotate = true,
            Word::Remember => return self.remember = true,
        }
        self.written = true;
    }

    fn clear(&mut self) {
        self.seen = View::default();
        self.theme = Write::Set(0);
        self.cart = Write::Set(Vec::new());
        self.hits = Write::Set(0);
        self.flow = Write::Set(None);
    }

    pub(super) const fn ends(&self) -> bool {
        self.log_out || self.destroy
    }

    /// Returns whether the commit must change a session that has what was loaded.
    fn changes(&self, loaded: &View) -> bool {
        fn differs<T: PartialEq>(write: &Write<T>, loaded: &T) -> bool {
            match write {
                Write::None => false,
                Write::Set(value) => value != loaded,
                Write::Add(_) => true,
            }
        }
        self.log_in.is_some()
            || self.rotate
            || self.remember
            || differs(&self.theme, &loaded.theme)
            || differs(&self.cart, &loaded.cart)
            || differs(&self.hits, &loaded.hits)
            || differs(&self.flow, &loaded.flow)
    }

    /// Returns what is in a session that had `base`. What was set to what was loaded is not written,
    /// unless `whole`.
    fn on(&self, base: &View, loaded: &View, whole: bool) -> View {
        fn set<T: Clone + PartialEq>(value: &T, base: &T, loaded: &T, whole: bool) -> T {
            if whole || value != loaded { value.clone() } else { base.clone() }
        }
        View {
            user: self.log_in.or(base.user),
            theme: match &self.theme {
                Write::Set(theme) => set(theme, &base.theme, &loaded.theme, whole),
                _ => base.theme,
            },
            cart: match &self.cart {
                Write::None => base.cart.clone(),
                Write::Set(cart) => set(cart, &base.cart, &loaded.cart, whole),
                Write::Add(items) => [base.cart.as_slice(), items.as_slice()].concat(),
            },
            hits: match &self.hits {
                Write::None => base.hits,
                Write::Set(hits) => set(hits, &base.hits, &loaded.hits, whole),
                Write::Add(hits) => base.hits + hits,
            },
            flow: match &self.flow {
                Write::Set(flow) => set(flow, &base.flow, &loaded.flow, whole),
                _ => base.flow,
            },
        }
    }

    /// Returns what may be answered if the handler itself answers `status` and the store works.
    pub(super) fn outcomes(
        &self,
        kind: Kind,
        status: u16,
        loaded: Option<&View>,
        before: Option<&View>,
    ) -> Vec<Outcome> {
        let one = |status, view| vec![Outcome { status, view }];
        if status >= 500 || status == 408 {
            let view = if self.ends() { None } else { before.cloned() };
            return one(status, view);
        }
        if self.destroy {
            return one(if self.contradicts { 500 } else { status }, None);
        }
        let none = View::default();
        let anew = || {
            let view = self.on(&none, &none, true);
            (view != none).then_some(view)
        };
        if self.log_out {
            return one(status, anew());
        }
        match (loaded, before) {
            (None, _) => one(status, anew()),
            (Some(loaded), Some(before)) => {
                let flow_changed = self.compared
                    && matches!(&self.flow, Write::Set(flow) if *flow != loaded.flow)
                    && before.flow != loaded.flow;
                if flow_changed {
                    return one(409, Some(before.clone()));
                }
                let base = if self.cleared { &none } else { before };
                one(status, Some(self.on(base, loaded, self.cleared)))
            }
            (Some(_), None) if self.log_in.is_some() => {
                if self.compared {
                    one(409, None)
                } else {
                    one(status, anew())
                }
            }
            (Some(loaded), None) => {
                let told = kind.tells_lost();
                match (self.changes(loaded), self.written) {
                    (true, _) => one(if told { 409 } else { status }, None),
                    // Nothing would have changed, so it may not have been looked at.
                    (false, true) if told => [409, status]
                        .map(|status| Outcome { status, view: None })
                        .into_iter()
                        .collect(),
                    (false, _) => one(status, None),
                }
            }
        }
    }
}
