//! Log-ins under a cap: decides which sessions of a principal stay. This file owns the register of
//! log-ins and the rule. The caller writes the log-in into its session.
//!
//! There are no transactions here, so this works on every topology. Each log-in first draws a
//! *ticket* from its principal's register: a number larger than all before, in one atomic update
//! that also leaves a note. Then the log-in writes itself and its ticket into its session. Then it
//! reads the principal's live sessions, removes those that do not stay, and takes its note back.
//!
//! **Who stays:** the session with the largest ticket, and of the others the latest log-ins. This
//! is the result that the last of these log-ins would have left, had they come one after the other.
//! A parallel log-in may not see sessions that are not written yet. It still removes nothing that
//! the rule would keep if all were seen, since another session in the list can only push sessions
//! out. The log-in that looks last sees all sessions. So all log-ins together leave exactly the
//! cap.
//!
//! **A log-in that may be refused** counts, beside the live sessions, the notes that were there
//! when it drew its ticket: those log-ins came before and may still succeed. It waits a little for
//! them before it is refused.
//!
//! **A crash** between the second step and the third leaves a note. The principal's next log-in
//! removes the excess sessions anyway. Lists and sweeps do so for notes that are some seconds old.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use mongodb::{
    bson::{Bson, DateTime, Document, doc},
    error::Result,
    options::ReturnDocument,
};

use super::{
    collections::{AT, Collections, OPEN_TICKET},
    document::{CREATED, ID, LOGGED_IN, OWNER, TICKET, is_over, to_number},
    failure::is_duplicate,
};
use crate::{
    clock::{Clock, SystemClock, Timestamp, millis},
    store::{Cap, OnMaxSessions, Selector, StoreKey},
};

/// The notes of a register, and the fields of a note.
const OPEN: &str = "open";
const SESSION: &str = "session";
const SESSIONS: &str = "sessions";
const ENDS_OLDEST: &str = "ends_oldest";
/// The time after which a log-in has certainly ended: the runtime gives it two seconds.
const LEASE: Duration = Duration::from_secs(60);
/// The longest time that a log-in which may be refused waits for earlier ones.
const PATIENCE: Duration = Duration::from_secs(5);
/// The age of a note from which others finish its log-in. Finishing too early only costs time.
const INTERRUPTED: Duration = Duration::from_secs(10);

/// A ticket of a log-in: its place among the log-ins of a principal.
pub(super) struct Ticket {
    pub(super) number: i64,
    owner: Bson,
    session: String,
    cap: Cap,
    /// The time of the draw, by the server's clock.
    at: DateTime,
    /// The time of the draw, by this machine's clock.
    began: Instant,
    register: Document,
}

impl Ticket {
    /// Draws a ticket for the log-in of a session.
    pub(super) async fn draw(
        collections: &Collections,
        owner: Bson,
        key: &StoreKey,
        cap: Cap,
    ) -> Result<Self> {
        let session = key.to_string();
        let ends_oldest = cap.on_max == OnMaxSessions::EndOldest;
        let note = doc! {
            TICKET: "$ticket",
            SESSION: { "$literal": &session },
            SESSIONS: i64::from(cap.sessions),
            ENDS_OLDEST: ends_oldest,
            AT: "$$NOW",
        };
        // Larger than any ticket before, even if the register was removed meanwhile.
        let next = doc! { "$add": [{ "$ifNull": ["$ticket", 0_i64] }, 1_i64] };
        let update = vec![
            doc! { "$set": { TICKET: { "$max": [next, { "$toLong": "$$NOW" }] }, AT: "$$NOW" } },
            doc! { "$set": { OPEN: { "$concatArrays": [{ "$ifNull": ["$open", []] }, [note]] } } },
        ];
        let began = Instant::now();
        let register = loop {
            let drawn = collections
                .log_ins
                .find_one_and_update(doc! { ID: &owner }, update.clone())
                .return_document(ReturnDocument::After)
                .await?;
            if let Some(register) = drawn {
                break register;
            }
            // The principal's first log-in in a while, or several at once.
            let register = doc! { ID: &owner, AT: before_now(Duration::ZERO) };
            match collections.log_ins.insert_one(register).await {
                Err(error) if !is_duplicate(&error) => return Err(error),
                _ => {}
            }
        };
        let number = register.get_i64(TICKET).unwrap_or_default();
        let at = register.get_datetime(AT).copied().unwrap_or(DateTime::MIN);
        Ok(Self { number, owner, session, cap, at, began, register })
    }

    /// Returns whether the log-in may go on: always if others are evicted, otherwise if there is
    /// room.
    pub(super) async fn is_admitted(
        &mut self,
        collections: &Collections,
        now: Timestamp,
    ) -> Result<bool> {
        if self.cap.on_max == OnMaxSessions::EndOldest {
            return Ok(true);
        }
        let most_others = self.cap.sessions.max(1) as usize - 1;
        loop {
            let live = live_sessions(collections, &self.owner, now).await?;
            let others: HashSet<&str> =
                live.iter().map(|it| it.id.as_str()).filter(|id| *id != self.session).collect();
            if others.len() > most_others {
                return Ok(false);
            }
            let oldest = self.at.timestamp_millis().saturating_sub(as_millis(LEASE));
            let before = notes(&self.register).filter(|note| {
                note.ticket < self.number
                    && note.at.timestamp_millis() > oldest
                    && note.session != self.session
                    && !others.contains(note.session.as_str())
            });
            let before: HashSet<String> = before.map(|note| note.session).collect();
            if others.len() + before.len() <= most_others {
                return Ok(true);
            }
            if self.began.elapsed() > PATIENCE {
                return Ok(false);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            let register = collections.log_ins.find_one(doc! { ID: &self.owner }).await?;
            self.register = register.unwrap_or_default();
        }
    }

    /// Returns whether others may have cancelled this log-in, so that it must not go on.
    pub(super) fn is_overdue(&self) -> bool {
        self.began.elapsed() > LEASE / 2
    }

    /// Evicts the sessions that do not stay, after the log-in was written. Returns the evicted
    /// sessions. The log-in's own session is among them if later parallel log-ins have filled the
    /// cap already.
    pub(super) async fn evict(
        &self,
        collections: &Collections,
        now: Timestamp,
    ) -> Result<Vec<Selector>> {
        if self.cap.on_max == OnMaxSessions::RefuseNew {
            return Ok(Vec::new());
        }
        let ended = trim(collections, &self.owner, self.cap.sessions, now).await?;
        Ok(ended.iter().filter_map(|id| selector(id)).collect())
    }

    /// Takes the note back, and notes that crashed log-ins have left. If this fails, the note is
    /// treated as that of a crashed log-in.
    pub(super) async fn finish(&self, collections: &Collections) {
        let lease = self.at.timestamp_millis().saturating_sub(as_millis(LEASE));
        let stays = doc! { "$and": [
            { "$ne": ["$$note.ticket", self.number] },
            { "$gte": ["$$note.at", DateTime::from_millis(lease)] },
        ] };
        let open = doc! { "$ifNull": ["$open", []] };
        let notes = doc! { "$filter": { "input": open, "as": "note", "cond": stays } };
        let update = vec![doc! { "$set": { OPEN: notes } }];
        let _ = collections.log_ins.update_one(doc! { ID: &self.owner }, update).await;
    }
}

/// Finishes the interrupted log-ins of a principal, or of up to `limit` principals.
pub(super) async fn finish_interrupted(
    collections: &Collections,
    owner: Option<&Bson>,
    now: Timestamp,
    limit: i64,
) -> Result<()> {
    let interrupted = before_now(INTERRUPTED);
    let mut filter = doc! { "open.at": { "$lt": interrupted }, OPEN_TICKET: { "$gt": 0_i64 } };
    if let Some(owner) = owner {
        filter.insert(ID, owner);
    }
    let mut registers = collections.log_ins.find(filter).limit(limit).await?;
    while registers.advance().await? {
        let register = registers.deserialize_current()?;
        let Some(owner) = register.get(ID) else { continue };
        for note in notes(&register).filter(|note| note.at < interrupted) {
            let written = doc! { ID: &note.session, OWNER: owner, TICKET: note.ticket };
            let is_written = note.ends_oldest
                && collections
                    .sessions
                    .find_one(written)
                    .projection(doc! { ID: 1 })
                    .await?
                    .is_some();
            if is_written {
                trim(collections, owner, note.sessions, now).await?;
            } else if note.at > before_now(LEASE) {
                continue;
            }
            let update = doc! { "$pull": { OPEN: { TICKET: note.ticket } } };
            collections.log_ins.update_one(doc! { ID: owner }, update).await?;
        }
    }
    Ok(())
}

/// Removes the live sessions of a principal that do not stay. Returns the ids of the removed ones.
async fn trim(
    collections: &Collections,
    owner: &Bson,
    sessions: u32,
    now: Timestamp,
) -> Result<Vec<String>> {
    let mut live = live_sessions(collections, owner, now).await?;
    let last = live.iter().enumerate().max_by_key(|(_, it)| it.ticket);
    let last = last.filter(|(_, it)| it.ticket.is_some()).map(|(position, _)| position);
    let others = sessions.max(1) as usize - usize::from(last.is_some());
    if let Some(last) = last {
        live.swap_remove(last);
    }
    let excess = live.len().saturating_sub(others);
    // Ids of one namespace are in the order of their selectors.
    live.sort_by(|one, other| (one.logged_in, &one.id).cmp(&(other.logged_in, &other.id)));
    live.truncate(excess);
    let mut ended = Vec::new();
    for session in live {
        // Only as it was read: a log-in that has written to the session since then decides itself.
        let seen = doc! {
            ID: &session.id,
            OWNER: owner,
            LOGGED_IN: session.stored_logged_in,
            TICKET: session.ticket.map_or(Bson::Null, Bson::Int64),
        };
        if collections.sessions.delete_one(seen).await?.deleted_count > 0 {
            ended.push(session.id);
        }
    }
    Ok(ended)
}

/// A session of a principal.
struct Session {
    id: String,
    logged_in: u64,
    stored_logged_in: Bson,
    ticket: Option<i64>,
}

async fn live_sessions(
    collections: &Collections,
    owner: &Bson,
    now: Timestamp,
) -> Result<Vec<Session>> {
    let mut cursor = collections
        .sessions
        .find(doc! { OWNER: owner, "$nor": [is_over(now)] })
        .projection(doc! { LOGGED_IN: 1, CREATED: 1, TICKET: 1 })
        .await?;
    let mut live = Vec::new();
    while cursor.advance().await? {
        let mut session = cursor.deserialize_current()?;
        let stored_logged_in = session.remove(LOGGED_IN).unwrap_or(Bson::Null);
        let logged_in = to_number(stored_logged_in.clone())
            .or_else(|| session.get(CREATED).cloned().and_then(to_number));
        live.push(Session {
            id: session.get_str(ID).unwrap_or_default().to_owned(),
            logged_in: logged_in.unwrap_or_default(),
            stored_logged_in,
            ticket: session.get_i64(TICKET).ok(),
        });
    }
    Ok(live)
}

/// A log-in that has begun.
struct Note {
    ticket: i64,
    session: String,
    sessions: u32,
    ends_oldest: bool,
    at: DateTime,
}

fn notes(register: &Document) -> impl Iterator<Item = Note> {
    let open = register.get_array(OPEN).into_iter().flatten();
    open.filter_map(Bson::as_document).filter_map(|note| {
        Some(Note {
            ticket: note.get_i64(TICKET).ok()?,
            session: note.get_str(SESSION).ok()?.to_owned(),
            sessions: u32::try_from(note.get_i64(SESSIONS).ok()?).ok()?,
            ends_oldest: note.get_bool(ENDS_OLDEST).ok()?,
            at: *note.get_datetime(AT).ok()?,
        })
    })
}

/// Returns the selector in a document's id.
pub(super) fn selector(id: &str) -> Option<Selector> {
    id.rsplit_once(':').and_then(|(_, hex)| Selector::from_hex(hex))
}

fn before_now(duration: Duration) -> DateTime {
    let now = i64::try_from(SystemClock.now().as_millis()).unwrap_or_default();
    DateTime::from_millis(now.saturating_sub(as_millis(duration)))
}

fn as_millis(duration: Duration) -> i64 {
    i64::try_from(millis(duration)).unwrap_or(i64::MAX)
}
