//! A map by namespace. A store has few namespaces with many values each, and this way the values do
//! not repeat the namespace. It does not know what the values are.

use crate::store::Namespace;

/// A value for each namespace, in the order of the namespaces' names.
pub(super) struct ByNamespace<S>(Vec<(Namespace, S)>);

impl<S> Default for ByNamespace<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S> ByNamespace<S> {
    /// Returns the position of a namespace, or the position to insert it at.
    fn position(&self, namespace: &Namespace) -> Result<usize, usize> {
        self.0.binary_search_by(|(there, _)| there.cmp(namespace))
    }

    pub(super) fn get(&self, namespace: &Namespace) -> Option<&S> {
        Some(&self.0[self.position(namespace).ok()?].1)
    }

    pub(super) fn get_mut(&mut self, namespace: &Namespace) -> Option<&mut S> {
        let at = self.position(namespace).ok()?;
        Some(&mut self.0[at].1)
    }

    pub(super) fn get_or_default(&mut self, namespace: &Namespace) -> &mut S
    where
        S: Default,
    {
        let at = self.position(namespace).unwrap_or_else(|at| {
            self.0.insert(at, (namespace.clone(), S::default()));
            at
        });
        &mut self.0[at].1
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &S> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(super) fn named(&self) -> impl Iterator<Item = (&Namespace, &S)> {
        self.0.iter().map(|(namespace, value)| (namespace, value))
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = (&Namespace, &mut S)> {
        self.0.iter_mut().map(|(namespace, value)| (&*namespace, value))
    }
}
