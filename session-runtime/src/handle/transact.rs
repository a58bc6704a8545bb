//! [`Session::transact`]: reads, changes and saves in a second session of the same request, again
//! from a fresh load after a conflict. The handle then adopts the saved values.

use std::sync::Arc;

use super::Session;
use crate::{
    cell::model::{FieldSet, SessionType},
    engine::{backend::Backend, load::Presented},
    error::Error,
    request::{
        RequestSession,
        commit::save,
        state::{LoadedRecord, Outgoing, Status},
    },
    token::Credential,
};

impl<T: SessionType> Session<T> {
    /// Reads, changes and saves. If a parallel request interferes, repeats this from a fresh load.
    /// Returns the result of the last call of `change`.
    ///
    /// `change` gets the accessors of a fresh load. **It may run several times, so it must have no
    /// other effects.** Pending changes of this handle are saved first. Afterwards, the handle
    /// shows the saved values.
    ///
    /// ```
    /// # use session_runtime::{Error, Session};
    /// #[derive(Session)]
    /// struct Wallet {
    ///     #[session(merge = "cas")]
    ///     cents: u32,
    /// }
    ///
    /// /// Two requests at once cannot spend the same money.
    /// async fn spend(session: Session<Wallet>, price: u32) -> Result<bool, Error> {
    ///     session.transact(|wallet| {
    ///         let enough = wallet.cents() >= price;
    ///         if enough {
    ///             wallet.update_cents(|cents| *cents -= price);
    ///         }
    ///         enough
    ///     })
    ///     .await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save). Returns a conflict only after ten attempts.
    pub async fn transact<R>(&self, mut change: impl FnMut(&T::Fields) -> R) -> Result<R, Error> {
        const ATTEMPTS: u32 = 10;
        let core = &self.session.core;
        self.save().await?;
        let Backend::Stored(stored) = &core.engine.backend else {
            return self.change_and_save(change).await;
        };
        let mut attempt = 1;
        loop {
            let Some(credential) = self.credential()? else {
                return self.change_and_save(change).await;
            };
            let fresh = RequestSession::<T>::new(Arc::clone(&core.engine), core.hooks.clone());
            fresh.load(|| (Presented::Credential(stored, credential), None)).await?;
            if matches!(fresh.core.state().status, Status::Absent { .. }) {
                // The session has ended or expired, or has another credential. The change is then
                // lost, like every other change: a new session would revive an ended one.
                self.lose(&credential);
                continue;
            }
            let result = change(fresh.fields());
            match save(Arc::clone(&fresh)).await {
                Ok(_) => {
                    self.session.fields().adopt(fresh.fields());
                    self.follow(&fresh, &credential);
                    return Ok(result);
                }
                Err(error) if error.is_conflict() && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn change_and_save<R>(&self, change: impl FnOnce(&T::Fields) -> R) -> Result<R, Error> {
        let result = change(self);
        self.save().await.map(|_| result)
    }

    /// Returns what a second session of this request loads, or `None` if the session is not live.
    fn credential(&self) -> Result<Option<Credential>, Error> {
        match &self.session.core.state().status {
            Status::Live(live) => Ok(Some(live.credential())),
            Status::Degraded => Err(Error::degraded()),
            _ => Ok(None),
        }
    }

    /// Records that the session is over, unless this request has given it another credential.
    fn lose(&self, credential: &Credential) {
        let mut state = self.session.core.state();
        if state.live().is_some_and(|live| live.check == credential.check) {
            state.status = Status::Over;
        }
    }

    /// Adopts the state of the second session after its commit.
    fn follow(&self, fresh: &RequestSession<T>, credential: &Credential) {
        let loaded = fresh.fields().context().record();
        let known = self.session.fields().context().record();
        let fields = self.session.core.engine.spec.fields;
        let mut fresh = fresh.core.state();
        let mut state = self.session.core.state();
        if state.live().is_none_or(|live| live.check != credential.check) {
            return;
        }
        state.status = fresh.status.clone();
        state.loaded.reduce(LoadedRecord::Changed);
        if !matches!(fresh.outgoing, Outgoing::Nothing) {
            state.outgoing = std::mem::take(&mut fresh.outgoing);
            state.token = fresh.token.take().or(state.token.take());
        }
        for (&group, &revision) in fresh.groups.iter().flat_map(|groups| &**groups) {
            let before = state.group_revision(group, known.as_deref());
            // If another request had written the group, this handle would still show the old values
            // of the fields that the transaction did not write. So it must not count as compared.
            let alone = fields.iter().filter(|field| field.group == Some(group)).count() == 1;
            if alone || loaded.as_ref().is_some_and(|record| record.group_revision(group) == before)
            {
                state.groups.get_or_insert_default().insert(group, revision);
            }
        }
    }
}
