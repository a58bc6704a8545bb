//! Logging in and out: what it does to the fields, and the facts it notes.

use super::Session;
use crate::{
    cell::model::{FieldSet, PrincipalType},
    request::state::{End, Facts},
    store::PrincipalKey,
};

/// Logging in and out, for session types with a field marked `principal`.
impl<T: PrincipalType> Session<T> {
    /// Says whose session it is. At the commit the session gets a new credential and a new
    /// lifetime; the old credential is dead at once (no fixation). A session that this very
    /// principal is remembered in stays so ([`persist_for`](Self::persist_for)).
    ///
    /// From nobody to somebody, the fields stay, except those marked `clear_on_login`; from one
    /// principal to another, only those marked `keep` do.
    pub fn log_in(&self, principal: T::Principal) {
        let fields = self.inner.fields();
        let context = fields.context();
        let cell = T::principal(fields);
        // One that does not decode is somebody, too.
        let before =
            cell.get(context).as_ref().map(PrincipalKey::of).or_else(|| self.recorded().map(Ok));
        let key = PrincipalKey::of(&principal);
        match before {
            Some(before) if before != key => {
                self.clear_but(|cell| cell.spec().keep || cell.spec().principal);
            }
            None => fields.each(&mut |cell| {
                if cell.spec().clear_on_login {
                    cell.clear(context);
                }
            }),
            Some(_) => {}
        }
        // Under the lock that a commit reads the cells under: no commit sees one without the other.
        self.note(|facts| {
            cell.set(context, Some(principal));
            facts.elevate = true;
            // A value that does not serialise fails the commit, with the field's name.
            facts.principal = key.ok();
        });
    }

    /// Whose session it is, as far as the record says so.
    fn recorded(&self) -> Option<PrincipalKey> {
        let state = self.inner.core.state();
        let live = state.live().filter(|_| state.facts.end.is_none())?;
        live.term.as_ref()?.principal.clone()
    }

    /// Ends the session at the commit: its record is removed and the token is dead. Fields marked
    /// `keep`, and what is written from now on, go into a fresh anonymous session.
    pub fn log_out(&self) {
        let fields = self.inner.fields();
        fields.each(&mut |cell| {
            if !cell.spec().keep || cell.spec().principal {
                cell.clear(fields.context());
            }
        });
        self.note(|facts| *facts = Facts { end: Some(End::LogOut), ..Facts::default() });
    }
}
