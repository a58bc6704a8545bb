//! Putting a record in its place, and removing one. A log-in's entry is made first, then the record
//! that names the entry: so the index has every record at every moment. This file owns the order of
//! the steps and what follows when a step fails.

use redis::{Cmd, Value};

use super::{
    Inner,
    connection::{Applied, CommandError, Retry},
    entry::{Attempt, Entry, LogIn, Member},
    index::{Entered, Index},
    join_all::join_all,
    key::Owner,
    script::{Call, REMOVE, TOUCH, WRITE},
    session::{self, Note, SLACK_MILLIS, life},
};
use crate::{
    clock::Timestamp,
    store::{Namespace, Record, StoreError, StoreKey, Written, encoding::encode},
};

/// The time by which an index outlives its sessions: clocks may differ, and the server keeps a
/// session for a while after its end.
const INDEX_SLACK_MILLIS: u64 = 3_600_000;
/// The attempts of a write: one more if there has to be an entry, and one more if this process did
/// not know the servers' time.
const ATTEMPTS: u32 = 3;
/// The bytes that a call needs beside the record, roughly.
const ROOM: usize = 256;

/// The answer of what puts a record in its place.
pub(super) enum Put {
    /// The record is stored. `former` is the entry that the record before it had named, if that
    /// has to go.
    Stored { former: Option<Entry> },
    /// The record there has another version, or there is none, or there is one already.
    Not,
    /// The record needs an entry, which was not made.
    Unentered,
    /// The entry is too old, at this time of the server's clock.
    Late(u64),
}

impl Put {
    fn read(answer: Value) -> Option<Self> {
        let (word, detail) = match answer {
            // The answers to `SET` with `NX`.
            Value::Okay => return Some(Self::Stored { former: None }),
            Value::Nil => return Some(Self::Not),
            Value::Array(parts) => {
                let mut parts = parts.into_iter();
                (parts.next()?, parts.next())
            }
            word => (word, None),
        };
        let Value::BulkString(word) = word else { return None };
        match (&word[..], detail) {
            (b"ok", None) => Some(Self::Stored { former: None }),
            (b"ok", Some(Value::BulkString(former))) => {
                Some(Self::Stored { former: Entry::read(&former) })
            }
            (b"not", None) => Some(Self::Not),
            (b"unentered", None) => Some(Self::Unentered),
            (b"late", Some(Value::Int(seconds))) => u64::try_from(seconds).ok().map(Self::Late),
            _ => None,
        }
    }
}

/// A record on its way.
pub(super) struct Writing<'a> {
    key: &'a StoreKey,
    record: &'a Record,
    /// The version of the record that is to be replaced; `None` for a new record.
    version: Option<u64>,
    bytes: Vec<u8>,
    log_in: Option<LogIn>,
}

impl<'a> Writing<'a> {
    pub(super) fn new(key: &'a StoreKey, version: Option<u64>, record: &'a Record) -> Self {
        let log_in = LogIn::of(key.selector, record);
        Self { key, record, version, bytes: encode(record), log_in }
    }

    /// Returns whether the record surely needs a new entry. Of a record that is to replace one that
    /// was not loaded here, only the script can tell.
    fn needs_entry(&self) -> bool {
        let Some(log_in) = &self.log_in else { return false };
        let Some(version) = self.version else { return true };
        let note = self.record.stored_form::<Note>();
        note.filter(|note| note.version == version).is_some_and(|note| {
            note.entry.as_ref().is_none_or(|entry| {
                entry.log_in != *log_in || entry.ends < self.record.meta.lifetime.absolute_until
            })
        })
    }

    /// Makes the call that puts the record in the place of the one with a version; `attempt` is that
    /// of its new entry.
    fn call(&self, session: &str, version: Option<u64>, attempt: Option<&Attempt>) -> Call {
        let meta = &self.record.meta;
        let life = life(meta.expires_at(), meta.last_seen, SLACK_MILLIS);
        let mut call = WRITE.with_room(session, self.bytes.len() + ROOM);
        call.version(version).text(&life);
        match &self.log_in {
            Some(log_in) => {
                call.text(&log_in.text()).hex(meta.lifetime.absolute_until.as_millis());
            }
            None => {
                call.text("").text("");
            }
        }
        call.text(attempt.map_or("", Attempt::as_str));
        call.hex(meta.revision).hex(meta.last_seen.as_millis()).bytes(&self.bytes);
        call
    }

    /// Makes the command that puts a new record in its place, without a script, which would cost the
    /// server three times as much.
    fn setting(&self, session: &str, entry: Option<&Entry>) -> Cmd {
        let meta = &self.record.meta;
        let value = session::value(meta.revision, meta.last_seen, entry, &self.bytes);
        let life = life(meta.expires_at(), meta.last_seen, SLACK_MILLIS);
        let mut command = Cmd::with_capacity(6, session.len() + value.len() + ROOM);
        command.arg("SET").arg(session).arg(value).arg("NX");
        if !life.is_empty() {
            command.arg("PX").arg(life);
        }
        command
    }
}

impl Inner {
    /// Puts a record in the place of the one with this version; without a version, where there is
    /// none.
    pub(super) async fn write(
        &self,
        key: &StoreKey,
        version: Option<u64>,
        record: &Record,
    ) -> Result<Written, StoreError> {
        let writing = Writing::new(key, version, record);
        let mut is_entered = writing.needs_entry();
        for _ in 0..ATTEMPTS {
            let (put, of_principal) = match writing.log_in.as_ref().filter(|_| is_entered) {
                // Boxed, here and below, since log-ins are rare and would enlarge each commit's
                // future. Beyond 1 KiB, allocating that takes much longer.
                Some(log_in) => Box::pin(self.enter_and_put(&writing, log_in)).await?,
                None => (self.put(&writing, None).await?, 0),
            };
            match put {
                Put::Stored { former } => {
                    if let Some(former) = former {
                        Box::pin(self.leave(key, &former)).await;
                    }
                    return Ok(Written::Stored { of_principal });
                }
                Put::Not => return Ok(Written::Not),
                Put::Unentered => is_entered = true,
                Put::Late(seconds) => {
                    self.clock.set(Timestamp::from_millis(seconds.saturating_mul(1000)));
                }
            }
        }
        Err(self.connection.error("the servers' clocks differ by more than half a minute"))
    }

    /// Makes the entry of a record, and then puts the record in its place. Returns the number of the
    /// principal's entries, if that is a log-in. Takes one round trip if one server has both keys,
    /// otherwise one for each step.
    async fn enter_and_put(
        &self,
        writing: &Writing<'_>,
        log_in: &LogIn,
    ) -> Result<(Put, u64), StoreError> {
        let key = writing.key;
        let entry = Entry {
            log_in: log_in.clone(),
            ends: writing.record.meta.lifetime.absolute_until,
            attempt: Attempt::random(self.clock.now())?,
        };
        let index = self.index(&key.namespace, &log_in.owner);
        let (entered, put) = match self.enter_and_put_once(writing, &index, &entry).await {
            Ok(answers) => answers,
            Err(error) => {
                // If the record may be stored after all, the entry has to stay.
                if error.applied == Applied::No {
                    self.leave(key, &entry).await;
                    if writing.version.is_none() {
                        // The server refuses one command of a transaction, and carries out the other.
                        let _ = self.remove(key, Some(writing.record.meta.revision)).await;
                    }
                }
                return Err(error.into());
            }
        };
        let Put::Stored { former } = &put else {
            self.leave(key, &entry).await;
            return Ok((put, 0));
        };
        let is_log_in = former.as_ref().is_none_or(|former| former.log_in != *log_in);
        let of_principal = if !is_log_in {
            0
        } else if self.connection.is_one_server() {
            entered.count
        } else {
            // Only now that the record is there: of two log-ins at the same time, the one that
            // counts last finds the other's record. The record stays, whatever becomes of the count.
            index.count().await.map_err(|error| error.error)?
        };
        if !entered.sample.is_empty() {
            // If this fails, the entries are left for others to find.
            let _ = self.prune(&key.namespace, &index, &log_in.owner, entered.sample).await;
        }
        Ok((put, of_principal))
    }

    async fn enter_and_put_once(
        &self,
        writing: &Writing<'_>,
        index: &Index<'_>,
        entry: &Entry,
    ) -> Result<(Entered, Put), CommandError> {
        let (member, now) = (entry.member(writing.key.selector), writing.record.meta.last_seen);
        let life = life(entry.ends, now, INDEX_SLACK_MILLIS);
        if self.connection.is_one_server() {
            let name = self.keys.session(writing.key);
            let entering = index.entering(&member, &life);
            let answers = if let Some(version) = writing.version {
                // The same script, so the server knows both or neither.
                let putting = || writing.call(&name, Some(version), Some(&entry.attempt));
                let command = putting().command();
                entering.make_before(command, putting, &self.connection).await
            } else {
                // If the server does not know the script, the record is there before its entry. That
                // harms nobody: nobody has the token of a new session yet.
                let setting = writing.setting(&name, Some(entry));
                let own = Some(writing.record.meta.revision);
                let putting = || writing.call(&name, own, None);
                entering.make_before(setting, putting, &self.connection).await
            };
            match answers {
                Ok((entered, put)) => {
                    return Ok((index.entered(entered)?, self.read_put(writing.key, put)?));
                }
                // The server has just refused keys of two servers in one transaction.
                Err(CommandError { applied: Applied::No, .. })
                    if !self.connection.is_one_server() => {}
                Err(error) => return Err(error),
            }
        }
        let entered = index.enter(&member, &life).await?;
        Ok((entered, self.put(writing, Some(&entry.attempt)).await?))
    }

    /// Puts a record in its place.
    pub(super) async fn put(
        &self,
        writing: &Writing<'_>,
        attempt: Option<&Attempt>,
    ) -> Result<Put, CommandError> {
        let name = self.keys.session(writing.key);
        let answer = if writing.log_in.is_none() && writing.version.is_none() {
            self.connection.ask(&writing.setting(&name, None), Retry::AtMostOnce).await?
        } else {
            let call = writing.call(&name, writing.version, attempt);
            call.make(&self.connection, Retry::AtMostOnce).await?
        };
        self.read_put(writing.key, answer)
    }

    fn read_put(&self, key: &StoreKey, answer: Value) -> Result<Put, CommandError> {
        Put::read(answer).ok_or_else(|| self.damaged(key))
    }

    /// Moves the time of a record's last use on. Returns whether there is a record.
    pub(super) async fn touch(
        &self,
        key: &StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut call = TOUCH.on(&self.keys.session(key));
        call.hex(last_seen.as_millis()).text(&life(clean_after, last_seen, SLACK_MILLIS));
        match call.make(&self.connection, Retry::Idempotent).await? {
            Value::Int(found) => Ok(found > 0),
            _ => Err(self.damaged(key).into()),
        }
    }

    /// Removes a record; given a version, only if the record has that. Returns whether it did.
    pub(super) async fn remove(
        &self,
        key: &StoreKey,
        version: Option<u64>,
    ) -> Result<bool, StoreError> {
        let mut call = REMOVE.on(&self.keys.session(key));
        call.version(version);
        // A second time changes nothing, and may say that there was no record.
        match call.make(&self.connection, Retry::Idempotent).await? {
            Value::BulkString(entry) => {
                if let Some(entry) = Entry::read(&entry) {
                    self.leave(key, &entry).await;
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Takes an entry out of the index. A failure is ignored: readers pass over an entry that no
    /// record names, and prune the entry later.
    async fn leave(&self, key: &StoreKey, entry: &Entry) {
        let index = self.index(&key.namespace, &entry.log_in.owner);
        let _ = index.remove([entry.member(key.selector)]).await;
    }

    /// Removes those entries of a sample that no record names, nor can.
    async fn prune(
        &self,
        namespace: &Namespace,
        index: &Index<'_>,
        owner: &Owner,
        sample: Vec<Member>,
    ) -> Result<(), CommandError> {
        let now = self.clock.now();
        let old = sample.into_iter().filter(|member| member.attempt.is_old(now));
        let looks = old.map(|member| async move {
            let key = StoreKey { namespace: namespace.clone(), selector: member.place.selector };
            let command = session::asking_entry(&self.keys.session(&key));
            let answer = self.connection.ask(&command, Retry::Idempotent).await?;
            let entry = session::read_entry(answer);
            let is_named = entry.is_some_and(|entry| member.is_named(&entry, owner));
            Ok((!is_named).then(|| member.text()))
        });
        let stale = join_all(looks).await.into_iter().collect::<Result<Vec<_>, CommandError>>()?;
        index.remove(stale.into_iter().flatten()).await
    }
}
