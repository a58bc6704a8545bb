//! An append-only list of versions in safe Rust. Readers walk the list without a lock, writers
//! append. No version moves or is freed before the list is dropped.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use once_cell::race::OnceBox;

/// The list is one pointer, since a request has many cells and most are only read.
pub(super) struct Chain<T>(OnceBox<Versions<T>>);

struct Versions<T> {
    first: Node<T>,
    /// The number of versions that the last emission saw. `saved` is the number of saved versions.
    emitted: AtomicUsize,
    saved: AtomicUsize,
}

struct Node<T> {
    value: T,
    next: Link<T>,
}

struct Link<T>(OnceLock<Box<Node<T>>>);

impl<T> Node<T> {
    const fn last(value: T) -> Self {
        Self { value, next: Link(OnceLock::new()) }
    }
}

impl<T> Chain<T> {
    pub(super) const fn new() -> Self {
        Self(OnceBox::new())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let mut node = self.0.get().map(|versions| &versions.first);
        std::iter::from_fn(move || {
            let Node { value, next } = node?;
            node = next.0.get().map(|next| &**next);
            Some(value)
        })
    }

    /// Returns the newest version and the number of versions, read together.
    pub(super) fn newest(&self) -> (usize, Option<&T>) {
        self.iter().fold((0, None), |(length, _), value| (length + 1, Some(value)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }

    /// Appends a version. Returns the number of versions before it.
    pub(super) fn push(&self, mut value: T) -> usize {
        let versions = loop {
            if let Some(versions) = self.0.get() {
                break versions;
            }
            let (emitted, saved) = (AtomicUsize::new(0), AtomicUsize::new(0));
            match self.0.set(Box::new(Versions { first: Node::last(value), emitted, saved })) {
                Ok(()) => return 0,
                Err(back) => value = back.first.value,
            }
        };
        let mut node = Box::new(Node::last(value));
        let mut link = &versions.first.next;
        let mut before = 1;
        loop {
            if let Some(taken) = link.0.get() {
                before += 1;
                link = &taken.next;
                continue;
            }
            match link.0.set(node) {
                Ok(()) => return before,
                // Another writer appended in between: continue behind its version.
                Err(back) => node = back,
            }
        }
    }

    /// Records that an emission saw the first `length` versions.
    pub(super) fn set_emitted(&self, length: usize) {
        if let Some(versions) = self.0.get() {
            versions.emitted.store(length, Ordering::SeqCst);
        }
    }

    /// Marks the versions that the last emission saw as saved.
    pub(super) fn mark_saved(&self) {
        if let Some(Versions { emitted, saved, .. }) = self.0.get() {
            saved.store(emitted.load(Ordering::SeqCst), Ordering::SeqCst);
        }
    }

    /// Returns the number of saved versions.
    pub(super) fn saved(&self) -> usize {
        self.0.get().map_or(0, |versions| versions.saved.load(Ordering::SeqCst))
    }

    /// Appends a version that is already saved. Behind an unsaved version, the new one counts as
    /// unsaved, too: saving it again changes nothing, and the unsaved one is not forgotten.
    pub(super) fn push_saved(&self, value: T) {
        let before = self.push(value);
        if self.saved() == before {
            self.set_emitted(before + 1);
            self.mark_saved();
        }
    }
}

impl<T> Drop for Link<T> {
    /// Drops the versions one by one. The compiler's own drop recurses, and a long chain would
    /// overflow the stack.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut node) = next {
            next = node.next.0.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::{Chain, Link, Node};

    #[test]
    fn a_reference_stays_valid_and_unchanged_after_later_versions() {
        let chain = Chain::new();
        chain.push(vec![1]);
        let (_, first) = chain.newest();
        chain.push(vec![1, 2]);
        assert_eq!(first, Some(&vec![1]));
        assert_eq!(chain.newest(), (2, Some(&vec![1, 2])));
    }

    #[test]
    fn a_million_versions_drop_without_recursion() {
        // Built from the end, since appending one by one is quadratic.
        let chain = Chain::new();
        chain.push(0);
        let mut node = Box::new(Node::last(0));
        for value in 1..1_000_000_u32 {
            let next = Link(node.into());
            node = Box::new(Node { value, next });
        }
        let versions = chain.0.get().expect("one was pushed");
        assert!(versions.first.next.0.set(node).is_ok());
        drop(chain);
    }

    #[test]
    fn parallel_writers_lose_nothing() {
        let chain = Chain::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let chain = &chain;
                scope.spawn(move || {
                    for n in 0..250 {
                        chain.push(thread * 250 + n);
                    }
                });
            }
        });
        let mut seen: Vec<i32> = chain.iter().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn parallel_first_writers_lose_nothing() {
        for _ in 0..500 {
            let (chain, start) = (Chain::new(), Barrier::new(4));
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let (chain, start) = (&chain, &start);
                    scope.spawn(move || {
                        start.wait();
                        chain.push(thread);
                    });
                }
            });
            let mut seen: Vec<i32> = chain.iter().copied().collect();
            seen.sort_unstable();
            assert_eq!(seen, [0, 1, 2, 3]);
        }
    }
}
