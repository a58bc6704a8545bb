//! [`Session::transact`]: reads, changes and saves in a second session of the same request, again
//! from a fresh load after a conflict. The handle then adopts the saved values.

use std::sync::Arc;

use super::Session;
use crate::{
    cell::model::{FieldSet, SessionType},
    engine::{
        backend::Backend,
        load::{FoundToken, Presented},
    },
    error::{Error, Kind},
    repository::pause,
    request::{
        RequestSession,
        commit::{save, settle_fields},
        saved::Saved,
        state::{LoadedRecord, Outgoing, Status},
    },
    store::Check,
};

/// The attempts of one transaction. Of parallel transactions, one gets through at each.
const ATTEMPTS: u32 = 100;

/// A session to change, and the credential that the session has.
type Loaded<T> = (Arc<RequestSession<T>>, Option<Check>);

impl<T: SessionType> Session<T> {
    /// Reads, changes and saves. If a parallel request has changed the session meanwhile, repeats
    /// this from a fresh load. Returns the result of the last call of `change`.
    ///
    /// `change` gets the accessors of a fresh load, and what `change` writes is saved only if the
    /// session is still as it was then, in every field. **It may run several times, so it must have
    /// no other effects.** Pending changes of this handle are saved first. Afterwards, the handle
    /// shows the saved values.
    ///
    /// ```
    /// # use session_runtime::{Error, Session};
    /// #[derive(Session)]
    /// struct Wallet {
    ///     cents: u32,
    ///     paid: Vec<u32>,
    /// }
    ///
    /// /// Two requests at once cannot spend the same money.
    /// async fn spend(session: Session<Wallet>, price: u32) -> Result<bool, Error> {
    ///     session.transact(|wallet| {
    ///         let enough = wallet.cents() >= price;
    ///         if enough {
    ///             wallet.set_cents(wallet.cents() - price);
    ///             wallet.push_paid(price);
    ///         }
    ///         enough
    ///     })
    ///     .await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save). Returns a conflict only after a hundred attempts. Returns an error if
    /// the session is [over](Error::is_gone), or if there is none and the client does not
    /// [consent](Error::is_withheld) to one.
    ///
    /// With a payload in the token there is nothing to compare with: of two parallel responses, the
    /// later one wins.
    pub async fn transact<R>(&self, mut change: impl FnMut(&T::Fields) -> R) -> Result<R, Error> {
        self.try_transact(|fields| Ok(change(fields))).await
    }

    /// Reads, changes and saves as [`transact`](Self::transact) does, unless `change` returns an
    /// error: then nothing that `change` wrote is saved, or shown by this handle.
    ///
    /// ```
    /// # use session_runtime::{Error, Session};
    /// # #[derive(Session)]
    /// # struct Wallet { cents: u32 }
    /// enum Refused {
    ///     TooExpensive,
    ///     Session(Error),
    /// }
    ///
    /// impl From<Error> for Refused {
    ///     fn from(error: Error) -> Self {
    ///         Self::Session(error)
    ///     }
    /// }
    ///
    /// async fn spend(session: Session<Wallet>, price: u32) -> Result<(), Refused> {
    ///     session.try_transact(|wallet| {
    ///         let left = wallet.cents().checked_sub(price).ok_or(Refused::TooExpensive)?;
    ///         wallet.set_cents(left);
    ///         Ok(())
    ///     })
    ///     .await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error of `change`, and those of [`transact`](Self::transact).
    pub async fn try_transact<R, E: From<Error>>(
        &self,
        change: impl FnMut(&T::Fields) -> Result<R, E>,
    ) -> Result<R, E> {
        self.save().await?;
        self.attempts(None, change).await
    }

    /// Changes and saves what was just loaded, without a request; after a conflict from a fresh load,
    /// as [`transact`](Self::transact).
    pub(super) async fn transact_as_loaded<R>(
        &self,
        mut change: impl FnMut(&T::Fields) -> R,
    ) -> Result<R, Error> {
        self.session.core.state().only_as_loaded = true;
        let check = self.session.core.state().live().map(|live| live.check);
        let first = (Arc::clone(&self.session), check);
        self.attempts(Some(first), |fields| Ok(change(fields))).await
    }

    /// Makes attempts until one meets no conflict: the first on `loaded`, if that is given.
    async fn attempts<R, E: From<Error>>(
        &self,
        mut loaded: Option<Loaded<T>>,
        mut change: impl FnMut(&T::Fields) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut attempt = 1;
        loop {
            let (fresh, check) = match loaded.take() {
                Some(loaded) => loaded,
                None => self.fresh().await?,
            };
            let result = change(fresh.fields())?;
            match save(Arc::clone(&fresh)).await {
                Ok(Saved::Lost) => return Err(self.lose(check).into()),
                Ok(Saved::Withheld) => return Err(Error::new(Kind::NoConsent).into()),
                Ok(_) if Arc::ptr_eq(&fresh, &self.session) => return Ok(result),
                Ok(_) => {
                    // What needed no write before would be written over the transaction at the next commit.
                    settle_fields(self.session.fields());
                    self.follow(&fresh, check);
                    return Ok(result);
                }
                Err(error) if error.is_conflict() && attempt < ATTEMPTS => {
                    pause(attempt).await;
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns a second session of this request: loaded anew, or, if no store has the session, as
    /// this one is. Beside it, the credential that the session has.
    async fn fresh(&self) -> Result<Loaded<T>, Error> {
        let core = &self.session.core;
        let fresh = RequestSession::<T>::new(Arc::clone(&core.engine), core.hooks.clone());
        let status = core.state().status.clone();
        let check = match &status {
            Status::Live(live) => Some(live.check),
            _ => None,
        };
        match (status, &core.engine.backend) {
            (Status::Degraded, _) => return Err(Error::degraded()),
            (Status::UnknownKey, _) => return Err(Error::new(Kind::UnknownKey)),
            (Status::Lost(_) | Status::Destroyed, _) => return Err(Error::new(Kind::Gone)),
            (Status::Live(live), Backend::Stored(stored)) => {
                let presented = if core.hooks.is_detached {
                    let principal = live.meta.as_ref().and_then(|meta| meta.principal.clone());
                    Presented::Id(stored, live.selector, principal)
                } else {
                    Presented::Credential(stored, live.credential())
                };
                fresh.load(|| FoundToken::new(presented, None)).await?;
                let mut state = fresh.core.state();
                if matches!(state.status, Status::Degraded) {
                    return Err(Error::degraded());
                }
                if !matches!(state.status, Status::Live(_)) {
                    // The session has ended or expired, or has another credential. A new session
                    // would revive an ended one.
                    drop(state);
                    return Err(self.lose(check));
                }
                state.only_as_loaded = true;
            }
            (Status::Live(live), _) if !core.engine.is_live(&live, &core.hooks).await? => {
                return Err(self.lose(check));
            }
            (status, _) => {
                fresh.fields().adopt(self.session.fields());
                let (own, mut state) = (core.state(), fresh.core.state());
                (state.status, state.loaded, state.fresh) = (status, own.loaded, own.fresh.clone());
            }
        }
        Ok((fresh, check))
    }

    /// Records that the session is over, unless this request has given it another credential.
    fn lose(&self, check: Option<Check>) -> Error {
        let mut state = self.session.core.state();
        if state.live().is_some_and(|live| Some(live.check) == check) {
            state.lose();
        }
        Error::new(Kind::Gone)
    }

    /// Adopts the values and the state of the second session after its commit.
    fn follow(&self, fresh: &RequestSession<T>, check: Option<Check>) {
        {
            let mut fresh = fresh.core.state();
            let mut state = self.session.core.state();
            if state.live().map(|live| live.check) != check {
                return;
            }
            state.status = fresh.status.clone();
            state.fresh = fresh.fresh.take();
            state.loaded.reduce(LoadedRecord::Changed);
            if !matches!(fresh.outgoing, Outgoing::Nothing) {
                state.outgoing = std::mem::take(&mut fresh.outgoing);
                state.token = fresh.token.take().or(state.token.take());
            }
        }
        self.session.fields().adopt(fresh.fields());
    }
}
