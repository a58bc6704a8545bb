//! The catalogue of the `tracing` events: each is declared once, with its name, level, fields, message
//! and what to do about it, and the call, the page of the guide and a test come from that. They are in
//! one place so that none can print a token, a key or a field's value. Events name a session by its
//! session id. Their target is `session_runtime`.

mod declare;

use std::fmt::Display;

use tracing::field::DisplayValue;

use self::declare::events;

/// The public name of a session, which opens nothing. Whatever implements it may be in a log.
pub(crate) trait PublicId: Display {}

/// An error that an event may print: its text has the causes, and no token, no key and no value.
pub(crate) trait Failure: Display {
    /// Returns the name of the kind of failure (`error.type`), one of a few.
    fn type_name(&self) -> &'static str;
}

/// The reason why a presented token is no live session. The response is the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The text has not the exact form of a token: length, alphabet, padding, version or suite.
    Malformed,
    /// The request carries more than one token of our name.
    Duplicate,
    /// The token was made under a key that is not in the ring.
    UnknownKey([u8; 4]),
    /// The token was made under a key whose `not_after` has passed.
    RetiredKey,
    /// The tag or seal does not verify.
    Forged,
    /// There is no such session.
    Unknown,
    /// The session has expired.
    Expired,
    /// The credential is superseded: a sign of theft, or a late parallel request.
    Replaced,
    /// The session was ended, or all sessions of its principal were.
    Revoked,
    /// A field with `on_decode_error = "reject"` does not decode.
    Undecodable,
    /// The payload was sealed in the future, beyond the tolerance for clocks that differ.
    FromTheFuture,
    /// The session is bound to another client than the one that presents it.
    OtherClient,
}

impl Reason {
    /// Returns true if anybody can cause the reason, without a token that was ever made here.
    pub(crate) const fn is_junk(self) -> bool {
        matches!(self, Self::Malformed | Self::Duplicate | Self::Forged)
    }

    /// Returns the name of the reason in events and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Duplicate => "duplicate",
            Self::UnknownKey(_) => "unknown_key",
            Self::RetiredKey => "retired_key",
            Self::Forged => "forged",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Revoked => "revoked",
            Self::Undecodable => "undecodable",
            Self::FromTheFuture => "from_the_future",
            Self::OtherClient => "other_client",
        }
    }
}

// To add an event, add an entry: the function that logs, the level and the stable name, the fields
// with `=` or, for what only implements `Display`, `= %`, the message, and what an operator does about
// the event. Then `cargo xtask alerts --record` writes the pages of the guide anew.
events! {
    /// Logs that a session was created.
    created(session: &str, id: impl PublicId) =>
        DEBUG "session.created" { "session.type" = session, "session.id" = %id }
        "session created",
        do "Nothing.";

    /// Logs that a request has loaded its session.
    loaded(session: &str, id: impl PublicId) =>
        DEBUG "session.loaded" { "session.type" = session, "session.id" = %id }
        "session loaded",
        do "Nothing.";

    /// Logs that changes were stored.
    committed(session: &str, id: impl PublicId) =>
        DEBUG "session.committed" { "session.type" = session, "session.id" = %id }
        "session committed",
        do "Nothing.";

    /// Logs a log-in.
    elevated(session: &str, id: impl PublicId) =>
        INFO "session.elevated" { "session.type" = session, "session.id" = %id }
        "session elevated: the principal changed, the old credential is dead",
        do "Nothing. Keep these events for as long as you keep an audit log.";

    /// Logs that a session has a new credential.
    rotated(session: &str, id: impl PublicId) =>
        DEBUG "session.rotated" { "session.type" = session, "session.id" = %id }
        "session rotated: it has a new credential",
        do "Nothing.";

    /// Logs that a log-in takes place in another session than the one of its request.
    log_in_anew(session: &str, id: impl PublicId) =>
        INFO "session.log_in_anew" { "session.type" = session, "session.id" = %id }
        "session was over before the log-in could be committed; the log-in takes place in a fresh session",
        do "Nothing, if it is seldom. If it is frequent, look for pages that log in twice.";

    /// Logs that a session was ended.
    ended(session: &str, id: impl PublicId) =>
        INFO "session.ended" { "session.type" = session, "session.id" = %id }
        "session ended",
        do "Nothing. Keep these events for as long as you keep an audit log.";

    /// Logs that a session gave way to a newer one of its principal.
    evicted(session: &str, id: impl PublicId) =>
        INFO "session.evicted" { "session.type" = session, "session.id" = %id }
        "session evicted: its principal has as many sessions as `max_sessions` allows",
        do "Nothing. If it is frequent, raise `max_sessions`, or look for a program that logs in at each run.";

    /// Logs a commit to a session that is over.
    gone(session: &str, id: impl PublicId) =>
        INFO "session.gone" { "session.type" = session, "session.id" = %id }
        "session was over before its changes could be committed; they were dropped",
        do "Nothing. `on_lost` tells the client.";

    /// Logs a commit under a credential that was replaced.
    stale(session: &str, id: impl PublicId) =>
        INFO "session.superseded" { "session.type" = session, "session.id" = %id }
        "session has a newer credential; the changes made under the old one were dropped",
        do "Nothing. `on_lost` tells the client.";

    /// Logs that a presented session has expired.
    token_expired(session: &str, id: Option<DisplayValue<impl PublicId>>, reason: &str) =>
        DEBUG "session.expired" { "session.type" = session, "session.id" = id, "session.reason" = reason }
        "session expired",
        do "Nothing.";

    /// Logs that a presented token was not accepted.
    token_rejected(session: &str, id: Option<DisplayValue<impl PublicId>>, reason: &str) =>
        DEBUG "session.token_rejected" { "session.type" = session, "session.id" = id, "session.reason" = reason }
        "session token rejected",
        do "Nothing. After a change of keys, reason `unknown_key` counts those whom the change logged out.";

    /// Logs that a token was not accepted that was made here, and that no honest client should present.
    token_suspected(session: &str, id: Option<DisplayValue<impl PublicId>>, reason: &str) =>
        WARN "session.token_suspected" { "session.type" = session, "session.id" = id, "session.reason" = reason }
        "session token rejected",
        do "Reason `replaced`: somebody may have a copy of an old token; end the sessions of the principal if it repeats. `other_client`: as for `session.other_client`. `undecodable`: deploy a version that can read the field. `from_the_future`: compare the clocks of the machines.";

    /// Logs the number of tokens since the last such event that nobody here made. Each has an event of
    /// its own at debug level.
    junk(session: &str, count: u64) =>
        WARN "session.tokens_forged" { "session.type" = session, "session.count" = count }
        "session tokens rejected that were not made here: malformed, forged, or several at once",
        do "Nothing, if the count is small: scanners and old cookies. If it is large, limit the rate of the clients in front of the application.";

    /// Logs the number of tokens since the last such event whose key is not in the ring. Names the key of
    /// one of them.
    unknown_keys(session: &str, key: impl PublicId, count: u64) =>
        WARN "session.unknown_keys" { "session.type" = session, "session.key" = %key, "session.count" = count }
        "session tokens under a key that is not in the ring: this process has not got the key yet, or does not have it any more",
        do "Give the key to every process where it does not write (`@read-only`), before any process writes with it.";

    /// Logs the keys of a layer, at start and when they are replaced.
    keys(session: &str, keys: &impl PublicId) =>
        INFO "session.keys" { "session.type" = session, "session.keys" = %keys }
        "session keys",
        do "Nothing. Compare the processes of a deployment by it.";

    /// Logs that a key file could not be used. The keys stay as they are.
    keys_not_reloaded(error: &str) =>
        WARN "session.keys_not_reloaded" { "error.message" = error }
        "session keys could not be read again; the ring stays as it is",
        do "Correct the key file, as the message says.";

    /// Logs that a client presents a session that is bound to another client.
    mismatch(session: &str, id: impl PublicId, bind: &str) =>
        WARN "session.other_client" { "session.type" = session, "session.id" = %id, "session.bind" = bind }
        "session presented by another client",
        do "Look for other events of the session; end the session if its user does not know the client.";

    /// Logs a write to a session that is over.
    after_end(session: &str, id: Option<DisplayValue<impl PublicId>>) =>
        WARN "session.written_after_end" { "session.type" = session, "session.id" = id }
        "session was written to after its end; the changes were dropped",
        do "Correct the handler: it writes to a session that it has ended, or that has expired.";

    /// Logs that a handle outside of a request was dropped with changes that nobody saved.
    dropped_unsaved(session: &str, id: impl PublicId) =>
        WARN "session.dropped_unsaved" { "session.type" = session, "session.id" = %id }
        "detached session was dropped with changes that were not saved",
        do "Correct the program: it calls `save` before it drops the session.";

    /// Logs that a session was not created because the client does not consent.
    withheld(session: &str) =>
        DEBUG "session.withheld" { "session.type" = session }
        "session not created: no consent",
        do "Nothing.";

    /// Logs that a commit conflicts with a parallel commit.
    conflict(session: &str, id: impl PublicId, field: &str) =>
        INFO "session.conflict" { "session.type" = session, "session.id" = %id, "session.field" = field }
        "session commit conflicts with a parallel one",
        do "Nothing, if it is seldom. If it is frequent, change the field by `update` or in `transact`.";

    /// Logs that a field's stored bytes do not decode.
    decode_failure(session: &str, field: &str, error: &impl Display) =>
        WARN "session.field_undecodable" { "session.type" = session, "session.field" = field, "error.message" = %error }
        "session field does not decode",
        do "Deploy a version that reads what is stored: a type that has changed needs an `alias`, a default, or a new name.";

    /// Logs that a record is not as it was sealed or signed at rest.
    record_unopened(session: &str, id: impl PublicId, reason: &str) =>
        WARN "session.record_unopened" { "session.type" = session, "session.id" = %id, "session.reason" = reason }
        "session record does not open; it counts as missing: it was changed or moved in the store, \
         or stored without encryption or signature, or under a key that is not in the ring",
        do "Expected after encryption was switched on and after a key was removed. Otherwise find out who can write to the store.";

    /// Logs a write after the commit.
    late_write(session: &str, field: &str) =>
        WARN "session.late_write" { "session.type" = session, "session.field" = field }
        "session field written after the response was committed; the write is not saved",
        do "Correct the handler: write before the response is returned, or call `save`.";

    /// Logs the end of a sweep: the number of records that it removed, and the seconds that it took.
    swept(session: &str, removed: u64, is_cut_short: bool, seconds: f64) =>
        DEBUG "session.swept" { "session.type" = session, "session.count" = removed, "session.is_cut_short" = is_cut_short, "session.seconds" = seconds }
        "expired records removed",
        do "Nothing.";

    /// Logs that the store could not remove all expired records. The next sweep tries again.
    sweep_failed(session: &str, removed: u64, error: &impl Failure) =>
        WARN "session.sweep_failed" { "session.type" = session, "session.count" = removed, "error.type" = (error.type_name()), "error.message" = %error }
        "expired records could not all be removed",
        do "If it repeats for hours, look at the store: expired sessions stay in it, and take room.";

    /// Logs that this machine's clock differs from that of the store's server, by which sessions expire.
    clock_is_wrong(session: &str, millis: u64, is_ahead: bool) =>
        ERROR "session.clock_is_wrong" { "session.type" = session, "session.skew_millis" = millis, "session.is_ahead" = is_ahead }
        "the clock of this machine differs from that of the store's server, which counts",
        do "Synchronise the clock of the machine. Sessions are judged by the time of the store's server meanwhile.";

    /// Logs that the store does not answer, once for an outage.
    store_down(session: &str, error: &impl Failure) =>
        ERROR "session.store_down" { "session.type" = session, "error.type" = (error.type_name()), "error.message" = %error }
        "session store is down; requests are refused at once until it answers",
        do "Look at the store, for the reason that the message gives.";

    /// Logs that the store answers again, how many operations were refused meanwhile, and how many were
    /// under way and failed.
    store_up(session: &str, down_seconds: f64, refused: u64, failed: u64) =>
        WARN "session.store_up" { "session.type" = session, "session.down_seconds" = down_seconds, "session.count" = refused, "session.failed" = failed }
        "session store is up again",
        do "Nothing more. The fields say how long the store was down, and how many operations were refused or failed.";

    /// Logs an error whose cause another event tells of.
    while_down(error: &impl Failure) =>
        DEBUG "session.store_still_down" { "error.type" = (error.type_name()), "error.message" = %error }
        "session store is still down",
        do "As for `session.store_down`.";

    /// Logs that a session that was to end may live on, since its store failed. Logged for each session,
    /// also while the store is known to be down: whoever logged out may have left the machine.
    not_ended(session: &str, id: impl PublicId, error: &impl Failure) =>
        ERROR "session.not_ended" { "session.type" = session, "session.id" = %id, "error.type" = (error.type_name()), "error.message" = %error }
        "session NOT ended: the store failed at the log-out, and the session may live on",
        do "End the session by its id when the store is up again: `session-admin end --session ID`.";

    /// Logs that a log-in has taken place, but the sessions above the cap could not be ended.
    not_evicted(session: &str, id: impl PublicId, error: &impl Failure) =>
        WARN "session.not_evicted" { "session.type" = session, "session.id" = %id, "error.type" = (error.type_name()), "error.message" = %error }
        "session store failed after a log-in; its principal has more sessions than `max_sessions` allows",
        do "Look at the store. The principal's next log-in ends the sessions that are too many.";

    /// Logs that others were not told of a session that was ended or changed; they find out by asking.
    not_announced(notice: impl Display, error: &impl Failure) =>
        DEBUG "session.not_announced" { "session.notice" = %notice, "error.type" = (error.type_name()), "error.message" = %error }
        "session store could not pass a notice on",
        do "Look at the store if live sessions end late: its user may lack the right to publish.";

    /// Logs that the store failed and the session continues empty and read-only.
    degraded(session: &str, error: &impl Failure) =>
        WARN "session.degraded" { "session.type" = session, "error.type" = (error.type_name()), "error.message" = %error }
        "session store failed; anonymous and read-only",
        do "Look at the store: users appear logged out.";

    /// Logs that the store refused a touch or a rotation. None of the user's changes is lost.
    upkeep_failed(session: &str, error: &impl Failure) =>
        WARN "session.upkeep_failed" { "session.type" = session, "error.type" = (error.type_name()), "error.message" = %error }
        "session could not be touched or rotated",
        do "Look at the store: sessions that it cannot touch expire early.";

    /// Logs that a request could not touch a session that its handler did not extract.
    touch_failed(session: &str, error: &impl Failure) =>
        WARN "session.touch_failed" { "session.type" = session, "error.type" = (error.type_name()), "error.message" = %error }
        "session could not be kept alive",
        do "Look at the store: sessions that it cannot touch expire early.";

    /// Logs that a commit failed. The response is an error, too.
    commit_failed(session: &str, error: &impl Failure) =>
        ERROR "session.commit_failed" { "session.type" = session, "error.type" = (error.type_name()), "error.message" = %error }
        "session commit failed",
        do "Type `store`, `deadline` or `crowded`: look at the store, requests are answered 503. Another type has the status of its error, such as 403, 409, 422 or 500: do as the message says.";

    /// Logs that a session would be larger than its store or token may hold. The response is an error, too.
    too_large(session: &str, error: &impl Failure) =>
        WARN "session.too_large" { "session.type" = session, "error.type" = (error.type_name()), "error.message" = %error }
        "session too large; nothing of it was saved",
        do "Keep less in the fields that the message names, or raise `max_session_bytes`.";

    /// Logs that a request was refused because of how the layers are put together.
    refused(session: &str, error: &impl Failure) =>
        ERROR "session.layers_differ" { "session.type" = session, "error.type" = (error.type_name()), "error.message" = %error }
        "session request refused",
        do "Correct the router: build the layer once, and use clones of it.";

    /// Logs that a response did not commit the changes of its request.
    discarded(session: &str) =>
        DEBUG "session.discarded" { "session.type" = session }
        "session changes discarded with a server error",
        do "Nothing here. The error of the handler has its own cause.";

    /// Logs that sessions of a principal were ended.
    ended_many(session: &str, count: Option<u64>) =>
        INFO "session.ended_all" { "session.type" = session, "session.count" = count }
        "sessions of a principal ended",
        do "Nothing. Keep these events for as long as you keep an audit log.";

    /// Logs that the store of revocations knows nothing.
    revocation_begins(session: &str) =>
        WARN "session.revocation_empty" { "session.type" = session }
        "the revocation store was empty; every session that began before is over",
        do "Expected once, at the first start. Otherwise the store has lost its data: everybody has been logged out.";

    /// Logs that all sessions were ended that had begun before a time.
    ended_everything(session: &str, before: u64) =>
        WARN "session.ended_everything" { "session.type" = session, "session.began_before_millis" = before }
        "every session ended that had begun before a time",
        do "Make sure that somebody has asked for it.";

    /// Logs that a cache in front of the store failed.
    cache_failed(error: &impl Failure) =>
        WARN "session.cache_failed" { "error.type" = (error.type_name()), "error.message" = %error }
        "the cache of the session store failed; loads go without it for a second",
        do "Look at the fast store: each load goes to the durable store meanwhile.";

    /// Logs a fault that an extractor or a handler answered with.
    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "only responses of axum log it"))]
    answered_fault(error: &impl Failure) =>
        ERROR "session.error" { "error.type" = (error.type_name()), "error.message" = %error }
        "session error",
        do "Type `store`, `deadline` or `crowded`: look at the store. Otherwise correct the program as the message says.";

    /// Logs an error of the request that an extractor or a handler answered with.
    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "only responses of axum log it"))]
    answered(error: &impl Failure) =>
        INFO "session.request_refused" { "error.type" = (error.type_name()), "error.message" = %error }
        "session request refused",
        do "Nothing, if it is seldom.";
}

/// Logs that a presented token was not accepted, and why.
pub(crate) fn rejected(session: &str, id: Option<impl PublicId>, reason: Reason) {
    let id = id.map(tracing::field::display);
    let why = reason.as_str();
    match reason {
        Reason::Expired => token_expired(session, id, why),
        Reason::Unknown
        | Reason::Revoked
        | Reason::UnknownKey(_)
        | Reason::RetiredKey
        | Reason::Malformed
        | Reason::Duplicate
        | Reason::Forged => token_rejected(session, id, why),
        _ => token_suspected(session, id, why),
    }
}

/// Logs a write to a session that is over.
pub(crate) fn written_after_end(session: &str, id: Option<impl PublicId>) {
    after_end(session, id.map(tracing::field::display));
}

/// Logs that a record is not as it was sealed or signed at rest.
pub(crate) fn unopened(session: &str, id: impl PublicId, reason: Reason) {
    record_unopened(session, id, reason.as_str());
}

/// Logs an error that an extractor or a handler answered with.
#[cfg(feature = "axum")]
pub(crate) fn failed(error: &impl Failure, severe: bool) {
    if severe { answered_fault(error) } else { answered(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart_by_their_own_names() {
        let reasons = [
            Reason::Malformed,
            Reason::Duplicate,
            Reason::UnknownKey([0; 4]),
            Reason::RetiredKey,
            Reason::Forged,
            Reason::Unknown,
            Reason::Expired,
            Reason::Replaced,
            Reason::Revoked,
            Reason::Undecodable,
            Reason::FromTheFuture,
            Reason::OtherClient,
        ];
        for reason in reasons {
            let name = reason.as_str().replace('_', "");
            let variant = format!("{reason:?}").to_lowercase();
            assert_eq!(Some(name.as_str()), variant.split('(').next());
        }
    }

    #[test]
    fn each_event_has_a_name_of_its_own_a_level_and_says_what_to_do() {
        let mut names: Vec<&str> = EVENTS.iter().map(|event| event.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EVENTS.len());
        for event in EVENTS {
            let plain = |letter: char| letter.is_ascii_lowercase() || "._".contains(letter);
            assert!(event.name.starts_with("session.") && event.name.chars().all(plain));
            assert!(["DEBUG", "INFO", "WARN", "ERROR"].contains(&event.level), "{event:?}");
            assert!(event.what_to_do.ends_with('.') && !event.message.ends_with('.'), "{event:?}");
            let severe = ["WARN", "ERROR"].contains(&event.level);
            assert!(!severe || event.what_to_do != "Nothing.", "{event:?}");
        }
    }

    #[test]
    fn events_have_no_fields_but_these() {
        let mut fields: Vec<&str> = EVENTS.iter().flat_map(|event| event.fields).copied().collect();
        fields.sort_unstable();
        fields.dedup();
        // Whoever adds one makes sure that it can hold no token, no key and no value.
        let known = [
            "error.message",
            "error.type",
            "session.began_before_millis",
            "session.bind",
            "session.count",
            "session.down_seconds",
            "session.failed",
            "session.field",
            "session.id",
            "session.is_ahead",
            "session.is_cut_short",
            "session.key",
            "session.keys",
            "session.notice",
            "session.reason",
            "session.seconds",
            "session.skew_millis",
            "session.type",
        ];
        assert_eq!(fields, known);
    }
}
