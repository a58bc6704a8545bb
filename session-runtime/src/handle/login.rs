//! Logging in and out: the effect on the fields, and what is asked of the commit.

use super::Session;
use crate::{
    cell::model::{FieldSet, PrincipalType},
    request::asked::{End, Requested},
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
        let fields = self.session.fields();
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
        self.note(|requested| {
            cell.set(context, Some(principal));
            requested.elevate = true;
            // A value that does not serialise fails the commit, with the field's name.
            requested.principal = key.ok();
        });
    }

    /// Whose session it is, as far as the record says so.
    fn recorded(&self) -> Option<PrincipalKey> {
        let state = self.session.core.state();
        let live = state.live().filter(|_| state.requested.end.is_none())?;
        live.meta.as_ref()?.principal.clone()
    }

    /// Ends the session at the commit: its record is removed and the token is dead. Fields marked
    /// `keep`, and what is written from now on, go into a fresh anonymous session.
    pub fn log_out(&self) {
        let fields = self.session.fields();
        fields.each(&mut |cell| {
            if !cell.spec().keep || cell.spec().principal {
                cell.clear(fields.context());
            }
        });
        self.note(|requested| {
            *requested = Requested { end: Some(End::LogOut), ..Requested::default() }
        });
    }
}
