//! The changes that one request has made to one value: the newest value, the values before it that somebody has
//! a reference to, and the changes that are not saved yet, so that they can run again on what another
//! request has written. Knows neither encodings nor stores.

mod changing;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use once_cell::race::OnceBox;

use self::changing::ChangingThread;
use super::shown::Shown;
use crate::store::Refusal;

/// A change that can run again.
pub(super) type Step<T> = Box<dyn FnMut(&mut T) -> Result<(), Refusal> + Send>;

/// A way to add items of type `I` at the end of a value.
pub(super) struct Adding<T, I> {
    /// Adds the items. Leaves at most so many in the value.
    pub(super) add: fn(&mut T, I, usize),
    /// Makes the change that adds the items.
    pub(super) step: fn(I, usize) -> Step<T>,
    /// Makes the change that adds the last items of a value.
    pub(super) last: fn(&T, usize, usize) -> Step<T>,
}

/// The history is one pointer, since a request has many cells and most are only read.
pub(super) struct History<T: 'static>(OnceBox<Written<T>>);

/// Most cells that are written to are set once, which is what this is small for.
struct Written<T: 'static> {
    shown: Shown<T>,
    /// Twice the number of shown values, and one more if the draft is newer than all of them.
    state: AtomicUsize,
    /// The thread that runs a change, while it holds the draft.
    changing: ChangingThread,
    draft: Mutex<Draft<T>>,
    /// The writes of a change to its own cell. They are carried out after the change.
    nested: OnceBox<Mutex<VecDeque<Write<T>>>>,
}

/// The part of a history that nobody has seen yet.
struct Draft<T: 'static> {
    /// The newest value. Nobody has a reference to it, so it changes in place.
    value: Option<T>,
    /// A value was set, which supersedes whatever the store holds.
    set: Unsaved,
    changes: Option<Box<Changes<T>>>,
}

/// The part of a draft that only cells have that were changed, or that rest on the stored value.
struct Changes<T: 'static> {
    /// The changes since the last emission. Before them, nothing was set that is not saved.
    steps: Vec<Step<T>>,
    /// The change after these. The value has the items, so that adding one more costs next to nothing.
    added: Option<Added<T>>,
    /// Those of emissions that are not saved yet.
    emitted: Vec<Arc<Steps<T>>>,
    /// The value rests on what the store held.
    compared: Unsaved,
    /// Why the newest value is none that can be saved.
    refused: Option<Refusal>,
}

/// Items at the end of the newest value.
struct Added<T: 'static> {
    count: usize,
    most: usize,
    step: fn(&T, usize, usize) -> Step<T>,
}

/// The state of a write or a comparison on its way to the store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unsaved {
    No,
    /// It was in the last emission, and in no save yet.
    Emitted,
    /// It has happened after the last emission.
    Since,
}

enum Write<T: 'static> {
    Set(T),
    Change(Step<T>),
}

/// Changes that were emitted together.
pub(super) struct Steps<T: 'static>(Mutex<Vec<Step<T>>>);

/// A value to emit, and its way from the stored one.
pub(super) struct Emitted<'a, T: 'static> {
    pub(super) value: &'a T,
    /// The changes that led to the value from the stored one; `None` if the value was set.
    pub(super) steps: Option<Vec<Arc<Steps<T>>>>,
    /// The store must still hold what the request has loaded.
    pub(super) compared: bool,
}

impl<T> Steps<T> {
    pub(super) fn run(&self, value: &mut T) -> Result<(), Refusal> {
        lock(&self.0).iter_mut().try_for_each(|step| step(value))
    }
}

impl<T> History<T> {
    pub(super) const fn new() -> Self {
        Self(OnceBox::new())
    }

    fn written(&self) -> &Written<T> {
        self.0.get_or_init(|| Box::new(Written::of(Draft::new())))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }

    /// Returns the newest value, which is from now on shown.
    pub(super) fn newest(&self) -> Option<&T> {
        self.0.get()?.newest()
    }

    /// Calls `read` with the newest value, which is not shown by that.
    pub(super) fn read<R>(&self, read: impl FnOnce(Option<&T>) -> R) -> R {
        let Some(written) = self.0.get() else { return read(None) };
        if written.is_changing_here() {
            return read(written.last_shown());
        }
        let draft = lock(&written.draft);
        read(draft.value.as_ref().or_else(|| written.last_shown()))
    }

    /// Sets the value.
    pub(super) fn set(&self, mut value: T) {
        if self.0.get().is_none() {
            match self.0.set(Box::new(Written::of(Draft::of(value)))) {
                Ok(()) => return,
                Err(second) => {
                    let draft = second.draft.into_inner().unwrap_or_else(PoisonError::into_inner);
                    let Some(back) = draft.value else { return };
                    value = back;
                }
            }
        }
        let written = self.written();
        if written.is_changing_here() {
            return written.nest(Write::Set(value));
        }
        lock(&written.draft).set(value);
        written.note_draft();
    }

    /// Sets the value that `new` makes of the newest one, or `start`, unless it makes none. Returns
    /// the value from before. `compare`: the store must still hold what the request has loaded.
    pub(super) fn exchange(
        &self,
        clone: fn(&T) -> T,
        start: impl FnOnce() -> T,
        compare: bool,
        new: impl FnOnce(&T) -> Option<T>,
    ) -> Option<T> {
        let written = self.written();
        if written.is_changing_here() {
            let before = written.last_shown().map_or_else(start, clone);
            written.nest(Write::Set(new(&before)?));
            return Some(before);
        }
        let mut draft = lock(&written.draft);
        let before = written.take(&mut draft, clone, start);
        let Some(new) = new(&before) else {
            draft.value = Some(before);
            drop(draft);
            written.note_draft();
            return None;
        };
        if compare && draft.set == Unsaved::No {
            draft.changes().compared = Unsaved::Since;
        }
        draft.set(new);
        drop(draft);
        written.note_draft();
        Some(before)
    }

    /// Sets the value to `empty` by a change that stands for all changes that are not emitted yet.
    /// Returns the value from before.
    pub(super) fn drain(
        &self,
        clone: fn(&T) -> T,
        start: impl FnOnce() -> T,
        empty: T,
        step: Step<T>,
    ) -> T {
        let written = self.written();
        if written.is_changing_here() {
            let before = written.last_shown().map_or_else(start, clone);
            written.nest(Write::Change(step));
            return before;
        }
        let mut draft = lock(&written.draft);
        let before = written.take(&mut draft, clone, start);
        draft.value = Some(empty);
        if draft.set == Unsaved::No {
            let changes = draft.changes();
            (changes.steps, changes.added) = (vec![step], None);
        }
        drop(draft);
        written.note_draft();
        before
    }

    /// Changes the newest value, or `start`. If nobody has a reference to the value, it changes in
    /// place.
    pub(super) fn change(&self, clone: fn(&T) -> T, start: impl FnOnce() -> T, step: Step<T>) {
        let written = self.written();
        if written.is_changing_here() {
            return written.nest(Write::Change(step));
        }
        let mut draft = lock(&written.draft);
        let value = written.take(&mut draft, clone, start);
        written.run(&mut draft, value, step);
        while let Some(nested) = written.nested() {
            match nested {
                Write::Set(value) => draft.set(value),
                Write::Change(step) => {
                    // Whatever ran before has left a value.
                    if let Some(value) = draft.value.take() {
                        written.run(&mut draft, value, step);
                    }
                }
            }
        }
        drop(draft);
        written.note_draft();
    }

    /// Adds items to a value to whose end this request has added the last ones. Otherwise returns the items.
    ///
    /// Almost every call ends here if there are many, and then is little more than adding to the value.
    #[inline]
    pub(super) fn add_more<I>(
        &self,
        items: I,
        count: usize,
        add: fn(&mut T, I, usize),
    ) -> Result<(), I> {
        let Some(written) = self.0.get() else { return Err(items) };
        // Not to be had, for instance, while a change runs that calls this.
        let Ok(mut draft) = written.draft.try_lock() else { return Err(items) };
        let Draft { value: Some(value), changes: Some(changes), .. } = &mut *draft else {
            return Err(items);
        };
        let Some(added) = &mut changes.added else { return Err(items) };
        added.count += count;
        add(value, items, added.most);
        Ok(())
    }

    /// Adds items at the end of the newest value, or of `start`. Leaves at most `most` in the value.
    #[cold]
    pub(super) fn add<I>(
        &self,
        clone: fn(&T) -> T,
        start: impl FnOnce() -> T,
        (items, count): (I, usize),
        most: usize,
        adding: &Adding<T, I>,
    ) {
        let written = self.written();
        if written.is_changing_here() {
            return written.nest(Write::Change((adding.step)(items, most)));
        }
        let mut draft = lock(&written.draft);
        let mut value = written.take(&mut draft, clone, start);
        if draft.set == Unsaved::No {
            let none = || Added { count: 0, most, step: adding.last };
            draft.changes().added.get_or_insert_with(none).count += count;
        }
        (adding.add)(&mut value, items, most);
        draft.value = Some(value);
        drop(draft);
        written.note_draft();
    }

    /// Changes the newest value, or `start`, by what need not run again. What another task writes
    /// meanwhile is lost.
    pub(super) fn change_once(
        &self,
        clone: fn(&T) -> T,
        start: impl FnOnce() -> T,
        change: impl FnOnce(&mut T),
    ) {
        let written = self.written();
        let mut value = written.take(&mut lock(&written.draft), clone, start);
        change(&mut value);
        lock(&written.draft).value = Some(value);
        written.note_draft();
    }

    /// Returns true if a value was set that is not saved yet.
    pub(super) fn is_set(&self) -> bool {
        self.0.get().is_some_and(|written| lock(&written.draft).set != Unsaved::No)
    }

    /// Notes that what this request writes rests on what it has loaded.
    pub(super) fn compare(&self) {
        lock(&self.written().draft).changes().compared = Unsaved::Since;
    }

    /// Returns true if a write that is not saved rests on what the request has loaded.
    pub(super) fn is_compared(&self) -> bool {
        self.0.get().is_some_and(|written| {
            let draft = lock(&written.draft);
            draft.changes.as_ref().is_some_and(|changes| changes.compared != Unsaved::No)
        })
    }

    /// Returns true if anything was written that is not saved.
    pub(super) fn is_unsaved(&self) -> bool {
        self.0.get().is_some_and(|written| lock(&written.draft).is_unsaved())
    }

    /// Calls `emit` with the newest value, and with what led to the value since the last save.
    /// `whole`: also if nothing did. Returns `None` if there is nothing to emit.
    pub(super) fn emit<R>(
        &self,
        whole: bool,
        emit: impl FnOnce(Result<Emitted<'_, T>, Refusal>) -> R,
    ) -> Option<R> {
        let written = self.0.get()?;
        let mut draft = lock(&written.draft);
        if !whole && !draft.is_unsaved() {
            return None;
        }
        written.note_added(&mut draft);
        let steps = draft.emitted();
        let changes = draft.changes.as_deref();
        if let Some(why) = changes.and_then(|changes| changes.refused.clone()) {
            return Some(emit(Err(why)));
        }
        let compared = changes.is_some_and(|changes| changes.compared != Unsaved::No);
        let value = draft.value.as_ref().or_else(|| written.last_shown())?;
        Some(emit(Ok(Emitted { value, steps, compared })))
    }

    /// Notes that what the last emission had is saved.
    pub(super) fn mark_saved(&self) {
        if let Some(written) = self.0.get() {
            lock(&written.draft).mark_saved();
        }
    }

    /// Adopts a value that the store holds now. Changes that are not saved run again on it.
    pub(super) fn adopt(&self, value: T) {
        let written = self.written();
        let mut draft = lock(&written.draft);
        if draft.set != Unsaved::No {
            return;
        }
        written.note_added(&mut draft);
        let (emitted, steps) = match &mut draft.changes {
            Some(changes) => (changes.emitted.clone(), std::mem::take(&mut changes.steps)),
            None => (Vec::new(), Vec::new()),
        };
        if emitted.is_empty() {
            draft.value = Some(value);
        } else {
            let mut again = |value: &mut T| emitted.iter().try_for_each(|steps| steps.run(value));
            written.run_unrecorded(&mut draft, value, &mut again);
        }
        for step in steps {
            if let Some(value) = draft.value.take() {
                written.run(&mut draft, value, step);
            }
        }
        drop(draft);
        written.note_draft();
    }

    /// Adopts a value that the store holds now, and forgets all changes.
    pub(super) fn settle(&self, value: T) {
        let written = self.written();
        let mut draft = lock(&written.draft);
        *draft = Draft { value: Some(value), ..Draft::new() };
        drop(draft);
        written.note_draft();
    }
}

impl<T> Written<T> {
    /// Creates the history that begins with a draft.
    fn of(draft: Draft<T>) -> Self {
        // The lowest bit of `state`: the draft is newer than what was shown, which is nothing.
        let state = AtomicUsize::new(usize::from(draft.value.is_some()));
        let (shown, changing) = (Shown::new(), ChangingThread::default());
        Self { shown, state, changing, draft: Mutex::new(draft), nested: OnceBox::new() }
    }

    /// Notes what a change writes to its own cell.
    fn nest(&self, write: Write<T>) {
        lock(self.nested.get_or_init(Box::default)).push_back(write);
    }

    /// Takes what a change has written to its own cell, the oldest first.
    fn nested(&self) -> Option<Write<T>> {
        lock(self.nested.get()?).pop_front()
    }

    fn newest(&self) -> Option<&T> {
        let state = self.state.load(Ordering::SeqCst);
        // A change that reads its own cell sees what was shown before: the value itself is in the
        // change's hands.
        if state.is_multiple_of(2) || self.is_changing_here() {
            return self.shown.newest(state / 2);
        }
        let mut draft = lock(&self.draft);
        let mut length = self.state.load(Ordering::SeqCst) / 2;
        if let Some(value) = draft.value.take() {
            self.shown.push(length, value);
            length += 1;
        }
        self.state.store(length * 2, Ordering::SeqCst);
        self.shown.newest(length)
    }

    fn last_shown(&self) -> Option<&T> {
        self.shown.newest(self.state.load(Ordering::SeqCst) / 2)
    }

    /// Notes that the draft has the newest value.
    fn note_draft(&self) {
        self.state.fetch_or(1, Ordering::SeqCst);
    }

    fn is_changing_here(&self) -> bool {
        self.changing.is_this()
    }

    /// Takes the newest value out of the draft, or clones the one that was shown.
    fn take(&self, draft: &mut Draft<T>, clone: fn(&T) -> T, start: impl FnOnce() -> T) -> T {
        draft.value.take().unwrap_or_else(|| self.last_shown().map_or_else(start, clone))
    }

    /// Makes a change of the items that were added.
    fn note_added(&self, draft: &mut Draft<T>) {
        let Draft { value, changes: Some(changes), .. } = draft else { return };
        if let Some(value) = value.as_ref().or_else(|| self.last_shown()) {
            changes.note_added(value);
        }
    }

    /// Runs a change on a value, and puts the value into the draft.
    fn run(&self, draft: &mut Draft<T>, value: T, mut step: Step<T>) {
        if let Some(changes) = &mut draft.changes {
            changes.note_added(&value);
        }
        let ran = self.run_unrecorded(draft, value, &mut step);
        if ran && draft.set == Unsaved::No {
            draft.changes().steps.push(step);
        }
    }

    /// Returns whether the change was made.
    fn run_unrecorded(
        &self,
        draft: &mut Draft<T>,
        mut value: T,
        step: &mut dyn FnMut(&mut T) -> Result<(), Refusal>,
    ) -> bool {
        // If the change panics, the value is gone, and what is left cannot be saved.
        let before = draft.changes().refused.replace(Refusal::Panicked);
        let changing = self.changing.begin();
        let result = step(&mut value);
        drop(changing);
        let ran = result.is_ok();
        draft.changes().refused = before.or(result.err());
        draft.value = Some(value);
        ran
    }
}

impl<T> Draft<T> {
    const fn new() -> Self {
        Self { value: None, set: Unsaved::No, changes: None }
    }

    /// Creates the draft of a value that was set.
    const fn of(value: T) -> Self {
        Self { value: Some(value), set: Unsaved::Since, changes: None }
    }

    fn changes(&mut self) -> &mut Changes<T> {
        self.changes.get_or_insert_default()
    }

    fn set(&mut self, value: T) {
        self.value = Some(value);
        self.set = Unsaved::Since;
        if let Some(changes) = &mut self.changes {
            let compared = changes.compared;
            **changes = Changes { compared, ..Changes::default() };
        }
    }

    fn is_unsaved(&self) -> bool {
        self.set != Unsaved::No
            || self.changes.as_ref().is_some_and(|changes| {
                changes.refused.is_some()
                    || !changes.steps.is_empty()
                    || changes.added.is_some()
                    || !changes.emitted.is_empty()
            })
    }

    /// Notes an emission. Returns the changes for it, or `None` if the value was set.
    fn emitted(&mut self) -> Option<Vec<Arc<Steps<T>>>> {
        self.set.emit();
        let changes = self.changes.as_mut()?;
        changes.compared.emit();
        if self.set != Unsaved::No {
            return None;
        }
        if !changes.steps.is_empty() {
            let steps = std::mem::take(&mut changes.steps);
            changes.emitted.push(Arc::new(Steps(Mutex::new(steps))));
        }
        Some(changes.emitted.clone())
    }

    fn mark_saved(&mut self) {
        self.set.save();
        if let Some(changes) = &mut self.changes {
            changes.emitted.clear();
            changes.compared.save();
        }
    }
}

impl<T> Changes<T> {
    /// Makes a change of the items that were added at the end of `value`.
    fn note_added(&mut self, value: &T) {
        if let Some(Added { count, most, step }) = self.added.take() {
            self.steps.push(step(value, count, most));
        }
    }
}

impl<T> Default for Changes<T> {
    fn default() -> Self {
        let (steps, emitted) = (Vec::new(), Vec::new());
        Self { steps, added: None, emitted, compared: Unsaved::No, refused: None }
    }
}

impl Unsaved {
    fn emit(&mut self) {
        if *self == Self::Since {
            *self = Self::Emitted;
        }
    }

    fn save(&mut self) {
        if *self == Self::Emitted {
            *self = Self::No;
        }
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A change that panics under the lock leaves a draft that says so, and its steps as they were.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
