//! [`SessionsOf`]: the sessions of one principal, to list, count and end. Works on the store's index
//! of principals. Of the present request, knows only the session id.

use std::{collections::HashSet, fmt};

use super::{
    detached::Detached,
    session_page::{EndedSessions, SessionCursor, SessionInfo, SessionPage},
    sessions::Sessions,
};
use crate::{
    cell::model::{PrincipalType, SessionType},
    engine::backend::Backend,
    error::{Error, Kind},
    event,
    request::RequestSession,
    schema::principal::Principal,
    store::{Order, PrincipalKey, Selector, session_id::SessionId},
};

/// The id of a session type's principals.
pub(super) type Id<T> = <<T as PrincipalType>::Principal as Principal>::Id;

/// The sessions of one principal: what [`Sessions::of`] returns.
///
/// ```
/// # use session_runtime::{Error, Session, Sessions};
/// # #[derive(Session)]
/// # struct Shop { #[session(principal)] user: Option<String> }
/// /// A new password: whoever is logged in elsewhere has to know the new one.
/// async fn password_changed(sessions: Sessions<Shop>, user: &String) -> Result<u64, Error> {
///     let devices = sessions.of(user);
///     Ok(devices.end_others().await?.count)
/// }
/// ```
pub struct SessionsOf<T> {
    sessions: Sessions<T>,
    /// The error of an id that does not serialise is for the first call that needs the key.
    principal: Result<PrincipalKey, Error>,
}

impl<T: PrincipalType> Sessions<T> {
    /// Returns the sessions of the principal with this [id](Principal::id). Asks no store yet.
    #[must_use]
    pub fn of(&self, principal: &Id<T>) -> SessionsOf<T> {
        let key = PrincipalKey::of(principal).map_err(|message| {
            let field = self.engine.spec.fields.iter().find(|field| field.principal);
            Error::new(Kind::Encode {
                field: field.map_or("principal", |field| field.name).to_owned(),
                message,
            })
        });
        SessionsOf { sessions: self.clone(), principal: key }
    }
}

impl<T: SessionType> SessionsOf<T> {
    /// Returns a page of the live sessions, the latest log-in first: the first page, or the one
    /// after `after`, which the page before it has named. A page has up to 64 sessions.
    ///
    /// ```
    /// # use session_runtime::{Error, Session, SessionId, Sessions};
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal)] user: Option<String> }
    /// async fn all(sessions: &Sessions<Shop>, user: &String) -> Result<Vec<SessionId>, Error> {
    ///     let (mut all, mut after) = (Vec::new(), None);
    ///     loop {
    ///         let page = sessions.of(user).list(after).await?;
    ///         all.extend(page.sessions.iter().map(|session| session.id));
    ///         after = page.next;
    ///         if after.is_none() {
    ///             return Ok(all);
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), or if the payload
    /// travels in the token: such sessions cannot be listed.
    pub async fn list(&self, after: Option<SessionCursor>) -> Result<SessionPage<T>, Error> {
        let Sessions { engine, current, .. } = &self.sessions;
        let principals = self.keys()?;
        let after = after.map(|after| after.0);
        let (listed, next) = engine.page(&principals, Order::Newest, after).await?;
        let sessions = listed
            .into_iter()
            .map(|(_, selector, record)| SessionInfo::of(engine, selector, record, *current));
        Ok(SessionPage { sessions: sessions.collect(), next: next.map(SessionCursor) })
    }

    /// Returns the number of sessions, without loading any. At least the live sessions are counted;
    /// the store may count expired sessions that it has not removed yet. [`list`](Self::list) has
    /// live ones only.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn count(&self) -> Result<u64, Error> {
        let principals = self.keys()?;
        self.sessions.store()?.count(&self.sessions.engine.namespace, &principals).await
    }

    /// Changes every live session and saves it, one after the other, the earliest log-in first. Returns
    /// the number of sessions on which `change` ran, also if it left some as they were. Sessions that
    /// are over meanwhile are left out; those that begin while this goes on are among the last.
    /// **`change` runs once for each session, and again if a request has changed that session
    /// meanwhile, so it must have no other effects.** Does not count as use.
    ///
    /// ```
    /// # use session_runtime::{Error, Session, Sessions};
    /// #[derive(Session)]
    /// struct Shop {
    ///     #[session(principal)]
    ///     user: Option<u64>,
    ///     #[session(flash)]
    ///     notice: Option<String>,
    /// }
    ///
    /// async fn order_shipped(sessions: &Sessions<Shop>, user: u64) -> Result<u64, Error> {
    ///     let notice = "Your order is on its way.";
    ///     sessions.of(&user).change(|shop| shop.set_notice(notice.to_owned())).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list) and [`Detached::save`](crate::Detached::save). The sessions before the
    /// one that failed are changed.
    pub async fn change<R>(&self, mut change: impl FnMut(&T::Fields) -> R) -> Result<u64, Error> {
        let engine = &self.sessions.engine;
        let (principals, mut seen) = (self.keys()?, HashSet::new());
        let (mut count, mut after) = (0, None);
        loop {
            let (page, next) = engine.page(&principals, Order::Oldest, after).await?;
            for (_, selector, record) in page {
                // A session whose principal logs in to it meanwhile may be on two pages.
                if !seen.insert(selector) {
                    continue;
                }
                let session = RequestSession::detached(engine, selector, record);
                let Some(session) = Detached::<T>::of(session) else { continue };
                match session.change(&mut change).await {
                    Ok(_) => count += 1,
                    Err(error) if error.is_gone() => {}
                    Err(error) => return Err(error),
                }
            }
            after = next;
            if after.is_none() {
                return Ok(count);
            }
        }
    }

    /// Ends a session if it belongs to this principal. Returns whether it did. The id may come from
    /// a client.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn end(&self, session: &SessionId) -> Result<bool, Error> {
        let (engine, principals) = (&self.sessions.engine, self.keys()?);
        // Session ids are public, so an id alone must not end somebody else's session.
        let ended = self.sessions.store()?.end_of(&engine.key(session.0), &principals).await?;
        if ended {
            event::ended(engine.name(), session.0);
        }
        Ok(ended)
    }

    /// Ends every session except the session of this request, or as many as half of the
    /// [deadline](crate::SessionLayerBuilder::deadline) allows: thousands. Call this again until
    /// [`is_done`](EndedSessions::is_done) says so.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list). Also returns an error outside of a request, where there is no
    /// session to leave out.
    pub async fn end_others(&self) -> Result<EndedSessions, Error> {
        let current = self.sessions.current.ok_or_else(|| Error::new(Kind::NoCurrentSession))?;
        self.end_but(Some(current)).await
    }

    /// Ends every session, or as many as half of the
    /// [deadline](crate::SessionLayerBuilder::deadline) allows: thousands. Call this again until
    /// [`is_done`](EndedSessions::is_done) says so. Payloads in the token are all ended at once, and
    /// not counted.
    ///
    /// ```
    /// # use session_runtime::{Error, Session, Sessions};
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal)] user: Option<String> }
    /// async fn lock_out(sessions: &Sessions<Shop>, user: &String) -> Result<(), Error> {
    ///     while !sessions.of(user).end_all().await?.is_done {}
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), or for a payload in
    /// the token without [`revocation`](crate::SessionLayerBuilder::revocation).
    pub async fn end_all(&self) -> Result<EndedSessions, Error> {
        let engine = &self.sessions.engine;
        if let Backend::InToken(in_token) = &engine.backend
            && let Some(revocation) = &in_token.revocation
        {
            revocation.raise_epoch(self.key()?, engine.now()).await?;
            event::ended_many(engine.name(), None);
            return Ok(EndedSessions { count: 0, is_done: true });
        }
        self.end_but(None).await
    }

    async fn end_but(&self, except: Option<Selector>) -> Result<EndedSessions, Error> {
        let (engine, principals) = (&self.sessions.engine, self.keys()?);
        let ended = self.sessions.store()?.end_all(&engine.namespace, &principals, except).await?;
        event::ended_many(engine.name(), Some(ended.sessions));
        Ok(ended.into())
    }

    /// Returns the keys under which the store may have indexed the principal's sessions.
    fn keys(&self) -> Result<Vec<PrincipalKey>, Error> {
        Ok(self.sessions.engine.index_keys(self.key()?.clone()))
    }

    fn key(&self) -> Result<&PrincipalKey, Error> {
        self.principal.as_ref().map_err(Clone::clone)
    }
}

impl<T> Clone for SessionsOf<T> {
    fn clone(&self) -> Self {
        Self { sessions: self.sessions.clone(), principal: self.principal.clone() }
    }
}

impl<T> fmt::Debug for SessionsOf<T> {
    /// Prints the session's name, and not the principal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.sessions.engine.name();
        f.debug_struct("SessionsOf").field("name", &name).finish_non_exhaustive()
    }
}
