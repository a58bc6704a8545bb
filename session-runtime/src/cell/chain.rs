//! An append-only list of versions in safe Rust: readers walk it without a lock, writers append,
//! nothing moves or is freed before the list is dropped.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

pub(super) struct Chain<T> {
    head: Link<T>,
    /// How many versions the last emission looked at, and how many are saved.
    emitted: AtomicUsize,
    saved: AtomicUsize,
}

type Link<T> = OnceLock<Box<Node<T>>>;

struct Node<T> {
    value: T,
    next: Link<T>,
}

impl<T> Chain<T> {
    pub(super) const fn new() -> Self {
        Self { head: OnceLock::new(), emitted: AtomicUsize::new(0), saved: AtomicUsize::new(0) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let mut link = &self.head;
        std::iter::from_fn(move || {
            let node = link.get()?;
            link = &node.next;
            Some(&node.value)
        })
    }

    /// The newest version and the number of versions, read together.
    pub(super) fn newest(&self) -> (usize, Option<&T>) {
        self.iter().fold((0, None), |(length, _), value| (length + 1, Some(value)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    /// Appends a version; how many there were before it.
    pub(super) fn push(&self, value: T) -> usize {
        let mut node = Box::new(Node { value, next: OnceLock::new() });
        let mut link = &self.head;
        let mut before = 0;
        loop {
            if let Some(taken) = link.get() {
                before += 1;
                link = &taken.next;
                continue;
            }
            match link.set(node) {
                Ok(()) => return before,
                // Somebody appended in between: go on behind it.
                Err(back) => node = back,
            }
        }
    }

    /// Notes that an emission has looked at the first `length` versions.
    pub(super) fn set_emitted(&self, length: usize) {
        self.emitted.store(length, Ordering::SeqCst);
    }

    /// What the last emission looked at is saved.
    pub(super) fn mark_saved(&self) {
        self.saved.store(self.emitted.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// How many versions are saved.
    pub(super) fn saved(&self) -> usize {
        self.saved.load(Ordering::SeqCst)
    }

    /// Appends a version that is saved already. Behind one that is not, it counts as unsaved too:
    /// saving it again changes nothing, and the other one is not forgotten.
    pub(super) fn push_saved(&self, value: T) {
        let before = self.push(value);
        if self.saved() == before {
            self.set_emitted(before + 1);
            self.mark_saved();
        }
    }
}

impl<T> Drop for Chain<T> {
    /// One by one: the compiler's own drop recurses, and a long chain would overflow the stack.
    fn drop(&mut self) {
        let mut link = self.head.take();
        while let Some(mut node) = link {
            link = node.next.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Chain;

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
        let mut link = std::sync::OnceLock::new();
        for value in 0..1_000_000_u32 {
            let node = Box::new(super::Node { value, next: link });
            link = std::sync::OnceLock::from(node);
        }
        assert!(chain.head.set(link.take().expect("just set")).is_ok());
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
}
