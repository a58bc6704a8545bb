//! From what a request presents to a live session, or the reason why there is none: finds and
//! verifies the token, loads the record or opens the payload, and judges both.

use std::sync::Arc;

use http::{HeaderValue, request::Parts};

use super::{
    Engine,
    backend::{Backend, InToken, Stored},
    hooks::HookAnswers,
    live::{LiveSession, LoadedMeta, Writer},
    revocation::Revocation,
};
use crate::{
    clock::{CLOCK_SKEW, Timestamp},
    error::{Error, Kind},
    event::{self, Reason},
    repository::principal::Found as FoundSession,
    schema::options::OnStoreError,
    store::{
        Answer, Cursor, FieldValue, KeyId, Meta, Order, PrincipalKey, Record, Selector, Standing,
    },
    token::{Credential, Envelope},
    transport::{Elsewhere, Found},
};

/// The token of a request, verified as far as that goes without a store.
pub(crate) enum Presented<'e> {
    Nothing,
    Rejected,
    /// The token is under a key that other processes may have, and this one not yet.
    UnknownKey,
    Credential(&'e Stored, Credential),
    /// Nothing but the name of a session, which is to be opened without a request; with the
    /// principal whose session it must be.
    Id(&'e Stored, Selector, Option<PrincipalKey>),
    /// With the key that the payload was written under.
    Payload(&'e InToken, Box<Envelope>, KeyId),
}

impl Presented<'_> {
    /// Returns the selector of the token, if the token has passed so far.
    pub(crate) fn selector(&self) -> Option<Selector> {
        match self {
            Self::Nothing | Self::Rejected | Self::UnknownKey => None,
            Self::Credential(_, credential) => Some(credential.selector),
            Self::Id(_, selector, _) => Some(*selector),
            Self::Payload(_, envelope, _) => Some(envelope.selector),
        }
    }
}

/// A token as it was found in a request.
pub(crate) struct FoundToken<'e> {
    pub(crate) presented: Presented<'e>,
    /// The header that an accepted token is in.
    pub(crate) header: Option<HeaderValue>,
    /// Expires the tokens of a client that has several, wherever it may have them from.
    pub(crate) elsewhere: Option<Box<Elsewhere>>,
}

impl<'e> FoundToken<'e> {
    pub(crate) const fn new(presented: Presented<'e>, header: Option<HeaderValue>) -> Self {
        Self { presented, header, elsewhere: None }
    }
}

/// The outcome of a load.
pub(crate) enum Loaded {
    Absent {
        stale: bool,
    },
    Live(LiveSession, Arc<Record>),
    /// The store failed, and the policy is to go on without the session.
    Degraded,
    /// The session is under a key that this process may still get.
    UnknownKey,
}

/// The outcome of a load, or the reason why there is no live session.
type Judged = Result<Loaded, Refused>;

/// A token that is no live session.
struct Refused {
    selector: Selector,
    reason: Reason,
    /// True if only this machine's clock says so, which may be wrong by a little.
    in_doubt: bool,
}

impl Refused {
    const fn new(selector: Selector, reason: Reason) -> Self {
        Self { selector, reason, in_doubt: false }
    }
}

impl Engine {
    /// Finds and verifies the token, without touching a store. `path` is the one that the client
    /// asked for.
    pub(crate) fn present(&self, parts: &Parts, path: &str) -> FoundToken<'_> {
        let (text, header) = match self.carrier.find(parts) {
            Found::None => return FoundToken::new(Presented::Nothing, None),
            Found::Duplicate => {
                self.reject(None, Reason::Duplicate);
                let elsewhere = self.carrier.elsewhere(parts, path);
                return FoundToken { presented: Presented::Rejected, header: None, elsewhere };
            }
            Found::One(text, header) => (text, header),
        };
        let now = || self.now();
        let presented = match &self.backend {
            Backend::Stored(stored) => {
                let credential = stored.codec.verify(text, now);
                credential.map(|credential| Presented::Credential(stored, credential))
            }
            Backend::InToken(in_token) => in_token.codec.open(text, now).and_then(|opened| {
                let known = |name: &[u8]| {
                    let mut names = self.spec.fields.iter().map(|field| field.name);
                    names.find(|known| known.as_bytes() == name)
                };
                let envelope = Envelope::decode(&opened.plain, known).ok_or(Reason::Malformed)?;
                Ok(Presented::Payload(in_token, Box::new(envelope), opened.key_id))
            }),
        };
        match presented {
            Ok(presented) => FoundToken::new(presented, Some(header.clone())),
            Err(reason) => FoundToken::new(self.rejected(reason), None),
        }
    }

    /// Rejects a token that did not verify.
    pub(crate) fn rejected(&self, reason: Reason) -> Presented<'_> {
        self.reject(None, reason);
        match reason {
            Reason::UnknownKey(key) if self.keys.may_be_behind(KeyId(key)) => Presented::UnknownKey,
            _ => Presented::Rejected,
        }
    }

    /// Turns what was presented into a live session, or says that there is none.
    pub(crate) async fn load(
        &self,
        presented: Presented<'_>,
        hooks: &HookAnswers,
    ) -> Result<Loaded, Error> {
        let loaded = match presented {
            Presented::Nothing => return Ok(Loaded::Absent { stale: false }),
            Presented::Rejected => return Ok(Loaded::Absent { stale: true }),
            Presented::UnknownKey => return Ok(Loaded::UnknownKey),
            Presented::Credential(stored, credential) => self.load_record(stored, credential).await,
            Presented::Id(stored, selector, principal) => {
                // Boxed, since no request loads a session in this way.
                let opened = Box::pin(self.open(stored, selector, principal)).await?;
                return Ok(opened.map_or(Loaded::Absent { stale: false }, |(live, record)| {
                    event::loaded(self.name(), selector);
                    Loaded::Live(live, record)
                }));
            }
            Presented::Payload(in_token, envelope, key_id) => {
                self.judge_payload(in_token, envelope, key_id).await
            }
        };
        match loaded {
            Ok(Ok(Loaded::Live(live, record))) => {
                event::loaded(self.name(), live.selector);
                if self.is_refused(&live, &record, hooks) {
                    self.reject(Some(live.selector), Reason::OtherClient);
                    return Ok(Loaded::Absent { stale: true });
                }
                Ok(Loaded::Live(live, record))
            }
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(Refused { selector, reason, in_doubt })) => {
                self.reject(Some(selector), reason);
                Ok(Loaded::Absent { stale: !in_doubt })
            }
            Err(error) => self.failed(error),
        }
    }

    /// Returns the outcome of a load that the store has failed.
    fn failed(&self, error: Error) -> Result<Loaded, Error> {
        if error.is_unavailable() && self.policy.on_store_error == OnStoreError::Degrade {
            error.report(|error| event::degraded(self.name(), error));
            return Ok(Loaded::Degraded);
        }
        Err(error)
    }

    /// Returns whether the session is bound to another client than the one that presents the token,
    /// and the policy rejects that.
    fn is_refused(&self, live: &LiveSession, record: &Record, hooks: &HookAnswers) -> bool {
        let Some(bound) = &hooks.bound else { return false };
        let mut refused = false;
        for mismatch in bound.mismatches(record) {
            event::mismatch(self.name(), live.selector, mismatch.kind);
            refused |= mismatch.rejects;
        }
        refused
    }

    /// Loads the present record of a live session by the name of the session alone. Answers of a
    /// cache do not count.
    pub(crate) async fn open(
        &self,
        stored: &Stored,
        selector: Selector,
        principal: Option<PrincipalKey>,
    ) -> Result<Option<(LiveSession, Arc<Record>)>, Error> {
        let Some(record) = stored.store.load_latest(&self.key(selector)).await? else {
            return Ok(None);
        };
        let is_theirs = principal.is_none() || principal == record.meta.principal;
        if !is_theirs || self.is_over(&record.meta, self.present_time().await?).is_some() {
            return Ok(None);
        }
        // The token of a session whose key is not in the ring would be nobody's.
        if !self.knows(stored, record.meta.key_id)? || self.is_out_of_index(&record) {
            return Ok(None);
        }
        Ok(Some((LiveSession::of_record(selector, &record.meta), record)))
    }

    /// Returns whether a key is in the ring; an error if the ring may still get the key. What a record
    /// holds is sealed under the key of the session's present token.
    fn knows(&self, stored: &Stored, key_id: KeyId) -> Result<bool, Error> {
        let is_known = stored.codec.knows(key_id);
        if !is_known && self.keys.may_be_behind(key_id) {
            return Err(Error::new(Kind::UnknownKey));
        }
        Ok(is_known)
    }

    /// Returns a part of the live sessions of a principal, under its one or several keys: those after a
    /// place, in this order of their log-ins; and where the list goes on. A session under a key that
    /// this process may still get is an error.
    pub(crate) async fn page(
        &self,
        principals: &[PrincipalKey],
        order: Order,
        after: Option<Cursor>,
    ) -> Result<(Vec<FoundSession>, Option<Cursor>), Error> {
        let Backend::Stored(stored) = &self.backend else {
            return Err(Error::new(Kind::NotListable));
        };
        let now = self.present_time().await?;
        let (all, next) = stored.store.page(&self.namespace, principals, now, order, after).await?;
        let mut found = Vec::with_capacity(all.len());
        for session in all {
            let meta = &session.2.meta;
            if self.is_over(meta, now).is_none() && self.knows(stored, meta.key_id)? {
                found.push(session);
            }
        }
        Ok((found, next))
    }

    async fn load_record(&self, stored: &Stored, credential: Credential) -> Result<Judged, Error> {
        let selector = credential.selector;
        let key = self.key(selector);
        let Some(mut record) = stored.store.load(&key).await? else {
            return Ok(Err(Refused::new(selector, Reason::Unknown)));
        };
        let time = self.time.now();
        let is_floor_old = stored.floor.is_old(time);
        let mut now = stored.floor.before().max(time);
        let mut judged = self.judge(&record.meta, &credential, now);
        let measures = judged.is_err() && self.time.is_old();
        if is_floor_old || measures {
            now = Box::pin(self.time_above_the_floor(measures)).await?;
            judged = self.judge(&record.meta, &credential, now);
        }
        // A cache may not know yet of a touch or a new credential, which must log nobody out.
        if judged.is_err()
            && let Some(present) = stored.store.reload(&key).await?
        {
            record = present;
            judged = self.judge(&record.meta, &credential, now);
        }
        let in_grace = match judged {
            Ok(standing) => standing == Standing::InGrace,
            Err(reason) => return Ok(Err(Refused::new(selector, reason))),
        };
        let Meta { key_id, ref former_keys, .. } = record.meta;
        let writer = if credential.current_key && key_id == credential.key_id {
            Writer::Current
        } else {
            let is_old = self.is_before_keys(record.meta.rotated);
            let codec = &stored.codec;
            Writer::of(codec.place(key_id), codec.writer(), former_keys, is_old)
        };
        if in_grace {
            self.knows(stored, key_id)?;
        }
        if self.is_out_of_index(&record) {
            return Ok(Err(Refused::new(selector, Reason::RetiredKey)));
        }
        let meta = Some(LoadedMeta::of(&record.meta));
        let live = LiveSession::of_credential(credential, writer, in_grace, meta);
        Ok(Ok(Loaded::Live(live, record)))
    }

    /// Returns how a credential opens a record, or why the credential does not.
    fn judge(
        &self,
        meta: &Meta,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Standing, Reason> {
        if let Some(reason) = self.is_over(meta, now) {
            return Err(reason);
        }
        match meta.standing(&credential.check, credential.key_id, now) {
            Standing::Superseded => Err(Reason::Replaced),
            standing => Ok(standing),
        }
    }

    /// Returns why a session is over, if it is, whoever asks: its time ran out, or it began before the
    /// floor or the layer's `not_before`.
    pub(crate) fn is_over(&self, meta: &Meta, now: Timestamp) -> Option<Reason> {
        if meta.is_expired(now) {
            return Some(Reason::Expired);
        }
        (meta.began() < self.not_before()).then_some(Reason::Revoked)
    }

    /// Judges a payload, and asks the revocation store about a live one. What the future of every load
    /// would otherwise have room for is in a box.
    fn judge_payload<'a>(
        &'a self,
        in_token: &'a InToken,
        mut envelope: Box<Envelope>,
        key_id: KeyId,
    ) -> Answer<'a, Result<Judged, Error>> {
        let opened = self.load_payload(in_token, &mut envelope, key_id);
        if opened.is_err() && self.time.is_old() {
            return Answer::Later(Box::pin(async move {
                self.time.measure().await?;
                let opened = self.load_payload(in_token, &mut envelope, key_id);
                self.unless_revoked(in_token, opened).await
            }));
        }
        self.unless_revoked(in_token, opened)
    }

    /// Judges a payload, and takes its fields if it is live.
    fn load_payload(&self, in_token: &InToken, envelope: &mut Envelope, key_id: KeyId) -> Judged {
        let Envelope { selector, sealed_at, .. } = *envelope;
        let now = self.now();
        // Without a store, nobody has told this machine the time.
        let is_alone = self.backend.store().is_none();
        if sealed_at > now.saturating_add(CLOCK_SKEW) {
            let reason = Reason::FromTheFuture;
            return Err(Refused { selector, reason, in_doubt: is_alone });
        }
        if envelope.created < self.not_before() {
            return Err(Refused::new(selector, Reason::Revoked));
        }
        let codec = &in_token.codec;
        let (place, is_old) = (codec.place(key_id), self.is_before_keys(envelope.rekeyed));
        let writer = Writer::of(place, codec.writer(None), &envelope.former_keys, is_old);
        let principal = self.principal_of(|name| envelope.get(name));
        let live = LiveSession::of_payload(envelope, principal, key_id, writer);
        let Some(meta) = live.meta.as_ref().filter(|meta| now < meta.expires_at()) else {
            let end = live.meta.as_ref().map(LoadedMeta::expires_at);
            let is_recent = end.is_some_and(|end| now <= end.saturating_add(CLOCK_SKEW));
            let in_doubt = is_alone && is_recent;
            return Err(Refused { selector, reason: Reason::Expired, in_doubt });
        };
        let mut record = Record::new(Meta::new(live.check, key_id, now, meta.lifetime));
        record.meta.former_keys = std::mem::take(&mut envelope.former_keys);
        record.extend(std::mem::take(&mut envelope.fields));
        Ok(Loaded::Live(live, Arc::new(record)))
    }

    /// Lets a session in its token pass unless the session, or every session of its principal, was
    /// ended.
    fn unless_revoked<'a>(
        &'a self,
        in_token: &'a InToken,
        judged: Judged,
    ) -> Answer<'a, Result<Judged, Error>> {
        let (live, record, revocation) = match (judged, &in_token.revocation) {
            (Ok(Loaded::Live(live, record)), Some(revocation)) => (live, record, revocation),
            (judged, _) => return Answer::Now(Some(Ok(judged))),
        };
        Answer::Later(Box::pin(async move {
            if self.is_revoked(revocation, &live).await? {
                return Ok(Err(Refused::new(live.selector, Reason::Revoked)));
            }
            Ok(Ok(Loaded::Live(live, record)))
        }))
    }

    async fn is_revoked(&self, revocation: &Revocation, live: &LiveSession) -> Result<bool, Error> {
        let meta = live.meta.as_ref();
        let (principal, now) = (meta.and_then(|meta| meta.principal.as_ref()), self.time.now());
        let is_revoked = revocation.is_revoked(live.selector, principal, live.epoch, now).await?;
        // The floor may have risen since the payload was judged.
        Ok(is_revoked || meta.is_some_and(|meta| meta.created < self.not_before()))
    }

    /// Returns whether nobody finds a session any more who looks for its principal's sessions: the
    /// principal logged in under a key that has left the ring since, and the store's index hides
    /// principals by keys. Only a session that has moved on to another key outlives its first one.
    fn is_out_of_index(&self, record: &Record) -> bool {
        let Meta { principal: Some(indexed), former_keys, .. } = &record.meta else { return false };
        let Some(index) = self.index.as_ref().filter(|_| !former_keys.is_empty()) else {
            return false;
        };
        let principal = self.principal_of(|name| record.get(name));
        principal.is_some_and(|principal| !index.hide_under_each(&principal).contains(indexed))
    }

    /// Returns the principal that the fields of a session name.
    fn principal_of<'a>(
        &self,
        stored: impl Fn(&str) -> Option<&'a FieldValue>,
    ) -> Option<PrincipalKey> {
        let field = self.spec.fields.iter().find(|field| field.principal)?;
        match field.names().find_map(stored)? {
            FieldValue::Bytes(json) => {
                let id = (self.identity)(json);
                // A principal that does not decode still counts as a principal.
                let id = id.as_deref().or_else(|| std::str::from_utf8(json).ok());
                id.map(PrincipalKey::new)
            }
            _ => None,
        }
    }

    /// Asks the store whether the session is live at this moment. Answers of a cache do not count.
    pub(crate) async fn is_live(
        &self,
        live: &LiveSession,
        hooks: &HookAnswers,
    ) -> Result<bool, Error> {
        let (selector, now) = (live.selector, self.present_time().await?);
        match &self.backend {
            Backend::Stored(stored) if hooks.is_detached => {
                let principal = live.meta.as_ref().and_then(|meta| meta.principal.clone());
                Ok(self.open(stored, selector, principal).await?.is_some())
            }
            Backend::Stored(stored) => {
                let key = self.key(selector);
                let record = stored.store.load_latest(&key).await?;
                let judged = record.map(|record| self.judge(&record.meta, &live.credential(), now));
                Ok(matches!(judged, Some(Ok(_))))
            }
            Backend::InToken(in_token) => {
                let is_expired = live.meta.as_ref().is_some_and(|meta| now >= meta.expires_at());
                match &in_token.revocation {
                    _ if is_expired => Ok(false),
                    Some(revocation) => Ok(!self.is_revoked(revocation, live).await?),
                    None => Ok(true),
                }
            }
        }
    }
}
