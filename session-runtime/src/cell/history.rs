//! What one request has made of one value: the newest value, the values before it that somebody has
//! a reference to, and the changes that are not saved yet, so that they can run again on what another
//! request has written. Knows neither encodings nor stores.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use once_cell::race::OnceBox;

use super::shown::Shown;
use crate::store::Refusal;

/// A change that can run again.
pub(super) type Step<T> = Box<dyn FnMut(&mut T) -> Result<(), Refusal> + Send>;

/// The history is one pointer, since a request has many cells and most are only read.
pub(super) struct History<T: 'static>(OnceBox<Written<T>>);

struct Written<T: 'static> {
    shown: Shown<T>,
    /// Twice the number of shown values, and one more if the draft is newer than all of them.
    state: AtomicUsize,
    /// The thread that runs a change, while it holds the draft.
    changing: AtomicUsize,
    draft: Mutex<Draft<T>>,
    /// What a change has written to its own cell. It is carried out after the change.
    nested: Mutex<Vec<Write<T>>>,
}

/// What is not fixed yet.
struct Draft<T: 'static> {
    /// The newest value. Nobody has a reference to it, so it changes in place.
    value: Option<T>,
    /// The changes since the last emission. Before them, nothing was set that is not saved.
    steps: Vec<Step<T>>,
    /// Those of emissions that are not saved yet.
    emitted: Vec<Arc<Steps<T>>>,
    /// A value was set, which supersedes whatever the store holds.
    set: Unsaved,
    /// The value rests on what the store held.
    compared: Unsaved,
    /// Why the newest value is none that can be saved.
    refused: Option<Refusal>,
}

/// Whether something has happened that is not saved.
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

/// What a cell has to emit.
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
        self.0.get_or_init(|| Box::new(Written::new()))
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
    pub(super) fn set(&self, value: T) {
        let written = self.written();
        if written.is_changing_here() {
            return lock(&written.nested).push(Write::Set(value));
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
            lock(&written.nested).push(Write::Set(new(&before)?));
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
            draft.compared = Unsaved::Since;
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
            lock(&written.nested).push(Write::Change(step));
            return before;
        }
        let mut draft = lock(&written.draft);
        let before = written.take(&mut draft, clone, start);
        draft.value = Some(empty);
        if draft.set == Unsaved::No {
            draft.steps.clear();
            draft.steps.push(step);
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
            return lock(&written.nested).push(Write::Change(step));
        }
        let mut draft = lock(&written.draft);
        let value = written.take(&mut draft, clone, start);
        written.run(&mut draft, value, step);
        loop {
            let nested = std::mem::take(&mut *lock(&written.nested));
            if nested.is_empty() {
                break;
            }
            for write in nested {
                match write {
                    Write::Set(value) => draft.set(value),
                    Write::Change(step) => {
                        // Whatever ran before has left a value.
                        if let Some(value) = draft.value.take() {
                            written.run(&mut draft, value, step);
                        }
                    }
                }
            }
        }
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
        let steps = draft.emitted();
        if let Some(why) = &draft.refused {
            return Some(emit(Err(why.clone())));
        }
        let compared = draft.compared != Unsaved::No;
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
        let (emitted, steps) = (draft.emitted.clone(), std::mem::take(&mut draft.steps));
        let mut again = |value: &mut T| emitted.iter().try_for_each(|steps| steps.run(value));
        written.run_unrecorded(&mut draft, value, &mut again);
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
    const fn new() -> Self {
        Self {
            shown: Shown::new(),
            state: AtomicUsize::new(0),
            changing: AtomicUsize::new(0),
            draft: Mutex::new(Draft::new()),
            nested: Mutex::new(Vec::new()),
        }
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
        let changing = self.changing.load(Ordering::SeqCst);
        changing != 0 && changing == this_thread()
    }

    /// Takes the newest value out of the draft, or clones the one that was shown.
    fn take(&self, draft: &mut Draft<T>, clone: fn(&T) -> T, start: impl FnOnce() -> T) -> T {
        draft.value.take().unwrap_or_else(|| self.last_shown().map_or_else(start, clone))
    }

    /// Runs a change on a value, and puts the value into the draft.
    fn run(&self, draft: &mut Draft<T>, value: T, mut step: Step<T>) {
        let before = draft.refused.clone();
        self.run_unrecorded(draft, value, &mut step);
        if draft.refused == before && draft.set == Unsaved::No {
            draft.steps.push(step);
        }
    }

    fn run_unrecorded(
        &self,
        draft: &mut Draft<T>,
        mut value: T,
        step: &mut dyn FnMut(&mut T) -> Result<(), Refusal>,
    ) {
        // If the change panics, the value is gone, and what is left cannot be saved.
        let before = draft.refused.replace(Refusal::Panicked);
        let changing = Changing::begin(&self.changing);
        let result = step(&mut value);
        drop(changing);
        draft.refused = before.or(result.err());
        draft.value = Some(value);
    }
}

impl<T> Draft<T> {
    const fn new() -> Self {
        Self {
            value: None,
            steps: Vec::new(),
            emitted: Vec::new(),
            set: Unsaved::No,
            compared: Unsaved::No,
            refused: None,
        }
    }

    fn set(&mut self, value: T) {
        self.value = Some(value);
        self.steps.clear();
        self.emitted.clear();
        self.set = Unsaved::Since;
        self.refused = None;
    }

    fn is_unsaved(&self) -> bool {
        self.set != Unsaved::No
            || self.refused.is_some()
            || !self.steps.is_empty()
            || !self.emitted.is_empty()
    }

    /// Notes an emission. Returns the changes for it, or `None` if the value was set.
    fn emitted(&mut self) -> Option<Vec<Arc<Steps<T>>>> {
        for unsaved in [&mut self.set, &mut self.compared] {
            if *unsaved == Unsaved::Since {
                *unsaved = Unsaved::Emitted;
            }
        }
        if self.set != Unsaved::No {
            return None;
        }
        if !self.steps.is_empty() {
            let steps = std::mem::take(&mut self.steps);
            self.emitted.push(Arc::new(Steps(Mutex::new(steps))));
        }
        Some(self.emitted.clone())
    }

    fn mark_saved(&mut self) {
        self.emitted.clear();
        for unsaved in [&mut self.set, &mut self.compared] {
            if *unsaved == Unsaved::Emitted {
                *unsaved = Unsaved::No;
            }
        }
    }
}

/// Notes the thread that runs a change, until it is dropped.
struct Changing<'a>(&'a AtomicUsize);

impl<'a> Changing<'a> {
    fn begin(changing: &'a AtomicUsize) -> Self {
        changing.store(this_thread(), Ordering::SeqCst);
        Self(changing)
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

/// Returns a number that no other thread has at this time.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A change that panics under the lock leaves a draft that says so, and its steps as they were.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::{History, Refusal, Step};

    type List = Vec<u32>;

    fn push(number: u32) -> Step<List> {
        Box::new(move |list: &mut List| {
            list.push(number);
            Ok(())
        })
    }

    fn change(history: &History<List>, step: Step<List>) {
        history.change(List::clone, List::new, step);
    }

    /// What would be emitted: the value, and the same changes on another value.
    fn emitted(history: &History<List>) -> Option<(List, Option<List>)> {
        history.emit(false, |emitted| {
            let emitted = emitted.expect("nothing was refused");
            let again = emitted.steps.map(|steps| {
                let mut other = vec![100];
                steps.iter().try_for_each(|steps| steps.run(&mut other)).expect("no refusal");
                other
            });
            (emitted.value.clone(), again)
        })
    }

    #[test]
    fn a_value_that_was_shown_stays_and_one_that_was_not_changes_in_place() {
        let history = History::new();
        change(&history, push(1));
        let first = history.newest();
        for number in 2..100 {
            change(&history, push(number));
        }
        assert_eq!(first, Some(&vec![1]));
        assert_eq!(history.newest().map(Vec::len), Some(99));
        assert_eq!(history.newest().map(Vec::as_ptr), history.newest().map(Vec::as_ptr));
    }

    #[test]
    fn what_changes_while_a_commit_is_on_its_way_is_in_the_next_one() {
        let history = History::new();
        change(&history, push(1));
        assert_eq!(emitted(&history), Some((vec![1], Some(vec![100, 1]))));
        change(&history, push(2));
        history.mark_saved();
        assert_eq!(emitted(&history), Some((vec![1, 2], Some(vec![100, 2]))));
        history.mark_saved();
        assert_eq!(emitted(&history), None);
    }

    #[test]
    fn what_was_not_saved_is_emitted_again() {
        let history = History::new();
        change(&history, push(1));
        emitted(&history);
        change(&history, push(2));
        assert_eq!(emitted(&history), Some((vec![1, 2], Some(vec![100, 1, 2]))));
        history.set(vec![7]);
        change(&history, push(8));
        assert_eq!(emitted(&history), Some((vec![7, 8], None)));
        assert_eq!(emitted(&history), Some((vec![7, 8], None)));
        history.mark_saved();
        change(&history, push(9));
        assert_eq!(emitted(&history), Some((vec![7, 8, 9], Some(vec![100, 9]))));
    }

    #[test]
    fn a_set_during_a_commit_is_not_saved_by_it() {
        let history = History::new();
        history.set(vec![1]);
        emitted(&history);
        history.set(vec![2]);
        history.mark_saved();
        assert_eq!(emitted(&history), Some((vec![2], None)));
    }

    #[test]
    fn an_adopted_value_keeps_what_is_not_saved() {
        let history = History::new();
        change(&history, push(1));
        emitted(&history);
        change(&history, push(2));
        history.adopt(vec![50]);
        assert_eq!(history.newest(), Some(&vec![50, 1, 2]));
        assert_eq!(emitted(&history), Some((vec![50, 1, 2], Some(vec![100, 1, 2]))));
        history.settle(vec![60]);
        assert_eq!((history.newest(), emitted(&history)), (Some(&vec![60]), None));
    }

    #[test]
    fn a_change_that_panics_cannot_be_saved_until_another_value_is_set() {
        let history = History::new();
        change(&history, push(1));
        let panics: Step<List> = Box::new(|_| panic!("in a test"));
        let caught = catch_unwind(AssertUnwindSafe(|| change(&history, panics)));
        assert!(caught.is_err());
        change(&history, push(2));
        let refused = history.emit(false, |emitted| matches!(emitted, Err(Refusal::Panicked)));
        assert_eq!(refused, Some(true));
        history.set(vec![3]);
        assert_eq!(emitted(&history), Some((vec![3], None)));
    }

    #[test]
    fn changes_of_parallel_tasks_all_count() {
        let history = History::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let history = &history;
                scope.spawn(move || {
                    for number in 0..250 {
                        change(history, push(thread * 250 + number));
                        if number % 10 == 0 {
                            assert!(history.newest().is_some());
                        }
                    }
                });
            }
        });
        let mut seen = history.newest().cloned().expect("it was changed");
        seen.sort_unstable();
        assert_eq!(seen, (0..1000).collect::<Vec<_>>());
    }
}
