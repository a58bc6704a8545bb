//! Logging in and out: the effect on the fields, and the requests to the commit.

use super::Session;
use crate::{
    cell::model::{FieldSet, PrincipalType},
    request::asked::{End, Requested},
    schema::principal::Principal as _,
    store::PrincipalKey,
};

/// Logging in and out, for session types with a field marked `principal`.
impl<T: PrincipalType> Session<T> {
    /// Logs a principal in. At the commit, the session gets a new credential and a new lifetime,
    /// and the old credential is superseded at once. That prevents session fixation (ASVS 7.2.4).
    ///
    /// **A response that is no error means that the principal is logged in.** If the session is over
    /// before the commit (it has expired, was ended or evicted, or a parallel log-in has superseded
    /// its credential), the log-in takes place in a fresh session. What this request writes is in the
    /// fresh session; nothing of the old one is. If the request had compared a field with the old
    /// session (`take`, `group`, `merge = "cas"`), the response is a
    /// [conflict](crate::Error::is_conflict) instead, and nobody is logged in. Without a new session
    /// there is no log-in either: the response is an error if the client does not
    /// [consent](crate::Error::is_withheld), or if the request also calls
    /// [`destroy`](Self::destroy).
    ///
    /// Who is the same principal is decided by the [id](crate::Principal::id) alone.
    ///
    /// If nobody was logged in, the fields stay, except those marked `clear_on_login`. If another
    /// principal was logged in, only the fields marked `keep` stay. If the same principal was, all
    /// fields stay, and so does a lifetime set by [`remember_for`](Self::remember_for).
    ///
    /// ```
    /// # use session_runtime::Session;
    /// #[derive(Session)]
    /// struct Shop {
    ///     #[session(principal)]
    ///     user: Option<u64>,
    ///     #[session(clear_on_login)]
    ///     coupon: Option<String>,
    ///     cart: Vec<u32>,
    /// }
    ///
    /// /// The password was checked before: the cart stays, the coupon goes, the token is new.
    /// async fn enter(session: Session<Shop>, user: u64) {
    ///     session.log_in(user);
    /// }
    /// ```
    pub fn log_in(&self, principal: T::Principal) {
        let fields = self.session.fields();
        let context = fields.context();
        let cell = T::principal(fields);
        // A principal that does not decode still counts as a principal.
        let before = cell.get(context).as_ref().map(|before| PrincipalKey::of(before.id()));
        let before = before.or_else(|| self.recorded().map(Ok));
        let key = PrincipalKey::of(principal.id());
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
        // A commit reads the cells under the same lock, so no commit sees only one of the two
        // changes.
        self.note(|requested| {
            cell.set(context, Some(principal));
            requested.elevate = true;
            // A value that does not serialise fails the commit, with the field's name.
            requested.principal = key.ok();
        });
    }

    /// Returns the principal in the record, if the record has one.
    fn recorded(&self) -> Option<PrincipalKey> {
        let state = self.session.core.state();
        let live = state.live().filter(|_| state.requested.end.is_none())?;
        live.meta.as_ref()?.principal.clone()
    }

    /// Logs out: ends the session at the commit, which removes its record and invalidates the
    /// token. Fields marked `keep`, and later writes of this request, go into a new anonymous
    /// session.
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
