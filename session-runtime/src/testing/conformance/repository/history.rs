//! Random histories: their commands, and drawing them. A command names sessions, people and
//! revisions loosely ("the current credential"). The loose names are resolved against the record
//! when the command runs, so that most commands of a history have an effect, even after shrinking.

use std::fmt::Debug;

use proptest::{
    collection::vec,
    option,
    prelude::{BoxedStrategy, Just, Strategy, any},
    prop_oneof,
    sample::select,
};

use crate::testing::conformance::make::{
    ABSOLUTE, Credential, IDLE, MINUTE, add_within, bytes, clear, expected, insert, int, later,
    max, members, once, remove, set, take, unset,
};
use crate::{
    clock::Timestamp,
    store::{Cap, Commit, FieldValue, Lifetime, OnMaxSessions, Op, PrincipalKey, Record},
};

/// The number of sessions in a history.
pub(super) const SESSIONS: usize = 5;
/// The principals in a history.
pub(super) const PEOPLE: [&str; 3] = ["ada", "o'Brien\0", "Łukasz \u{1f980} $1"];
/// The fields: one for each kind of value, and some for any kind.
const FIELDS: [&str; 7] = ["n", "s", "b", "any", "extra:", "extra:a.$b", "extra:'\"\\"];

/// One step of a history.
#[derive(Clone, Debug)]
pub(super) enum Command {
    /// A new session, or an attempt to overwrite one.
    Insert { session: usize, who: Option<usize>, cap: Option<Cap>, life: Life, ops: Vec<Op> },
    /// A commit.
    Commit { session: usize, change: Change },
    /// The end of one session.
    Delete { session: usize },
    /// The end of all sessions of somebody, or all but one.
    DeleteAll { who: usize, except: Option<usize> },
    /// Time goes by.
    Wait { millis: u64 },
}

/// A commit before the record that it applies to is known.
#[derive(Clone, Debug)]
// As in a commit: no change, and a change to nobody.
#[allow(clippy::option_option)]
pub(super) struct Change {
    /// The loaded record that the commit carries.
    pub(super) tells: Tells,
    /// The milliseconds by which the commit's time is before the newest time of the history.
    late: u64,
    presented: Presented,
    /// The fields expected, and whether their values are the right ones.
    expects: Vec<(&'static str, bool)>,
    /// The fields that are taken before the other ops, as they were when the session was loaded.
    takes: Vec<&'static str>,
    ops: Vec<Op>,
    principal: Option<Option<usize>>,
    cap: Option<Cap>,
    /// The grace of a rotation in milliseconds, if it has one.
    rotation: Option<Option<u64>>,
    life: Option<Life>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Tells {
    Nothing,
    TheRecord,
    /// The record that an earlier commit carried, if there was one.
    AnEarlierOne,
}

#[derive(Clone, Copy, Debug)]
enum Presented {
    Current,
    Previous,
    /// A credential of the right key (`true`) or of another key.
    Foreign(bool),
}

/// A lifetime, relative to the time it is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    idle: Option<u64>,
    absolute: u64,
    persistent: bool,
}

impl Life {
    pub(super) fn from(self, now: Timestamp) -> Lifetime {
        Lifetime {
            idle_millis: self.idle,
            absolute_until: later(now, self.absolute),
            persistent: self.persistent,
        }
    }
}

impl Change {
    /// Returns whether the change may end other sessions of a principal.
    pub(super) fn logs_in(&self) -> bool {
        self.principal.is_some()
    }

    /// Returns the commit on such a record, at `now` or somewhat before. `fresh` is a credential
    /// that no record of the history has yet.
    pub(super) fn settle(&self, record: Option<&Record>, now: Timestamp, fresh: u8) -> Commit {
        let now = Timestamp::from_millis(now.as_millis() - self.late);
        let foreign = Credential(0);
        let mut commit = foreign.touch(now);
        if let Some(Record { meta, .. }) = record {
            (commit.check, commit.key_id) = match (self.presented, &meta.previous) {
                (Presented::Previous, Some(previous)) => (previous.check, previous.key_id),
                (Presented::Foreign(true), _) => (foreign.check(), meta.key_id),
                (Presented::Foreign(false), _) => (meta.check, foreign.key_id()),
                _ => (meta.check, meta.key_id),
            };
        }
        let value = |field: &str| record.and_then(|record| record.get(field).cloned());
        commit.expected = self
            .expects
            .iter()
            .map(|(field, right)| {
                let wrong = || bytes("never written");
                expected(field, if *right { value(field) } else { Some(wrong()) })
            })
            .collect();
        let taken = self.takes.iter().filter_map(|field| Some(take(field, value(field)?)));
        commit.ops = taken.chain(self.ops.iter().cloned()).collect();
        commit.principal = self.principal.map(|who| who.map(person));
        commit.cap = self.cap;
        commit.rotation = self
            .rotation
            .map(|grace| Credential(fresh).rotation(grace.map(|grace| later(now, grace))));
        commit.lifetime = self.life.map(|life| life.from(now));
        commit
    }
}

pub(super) fn person(number: usize) -> PrincipalKey {
    PrincipalKey::new(PEOPLE[number])
}

/// Draws histories for one task.
pub(super) fn history() -> impl Strategy<Value = Vec<Command>> {
    let command = prop_oneof![
        8 => (session(), option::weighted(0.8, who()), cap(), life(), vec(op(), 0..4)).prop_map(
            |(session, who, cap, life, ops)| Command::Insert { session, who, cap, life, ops }
        ),
        20 => (session(), change()).prop_map(|(session, change)| {
            Command::Commit { session, change }
        }),
        1 => session().prop_map(|session| Command::Delete { session }),
        1 => (who(), option::weighted(0.7, session())).prop_map(|(who, except)| {
            Command::DeleteAll { who, except }
        }),
        3 => prop_oneof![
            4 => pick([1, 999, MINUTE]),
            1 => pick([IDLE / 2, IDLE - 1, IDLE, ABSOLUTE / 3])
        ].prop_map(|millis| Command::Wait { millis }),
    ];
    vec(command, 1..=60)
}

/// Draws, for each of several tasks, the commits to one session.
pub(super) fn parallel_histories() -> impl Strategy<Value = Vec<Vec<Change>>> {
    // Nothing that ends the session, or shuts out all others for the rest of the history.
    let change = change().prop_map(|change| Change {
        late: 0,
        cap: None,
        life: None,
        rotation: change.rotation.map(|_| Some(MINUTE)),
        ..change
    });
    vec(vec(change, 1..=8), 2..=5)
}

fn session() -> impl Strategy<Value = usize> {
    0..SESSIONS
}

/// Draws a principal: mostly the same one, who is then at the cap.
fn who() -> impl Strategy<Value = usize> {
    prop_oneof![5 => Just(0), 1 => 1..PEOPLE.len()]
}

fn pick<T: Clone + Debug + 'static>(values: impl Into<Vec<T>>) -> impl Strategy<Value = T> {
    let values: Vec<T> = values.into();
    select(values)
}

fn cap() -> impl Strategy<Value = Option<Cap>> {
    let on_max = pick([OnMaxSessions::EndOldest, OnMaxSessions::RefuseNew]);
    option::weighted(
        0.4,
        (1..=3_u32, on_max).prop_map(|(sessions, on_max)| Cap::new(sessions, on_max)),
    )
}

fn life() -> impl Strategy<Value = Life> {
    let idle = prop_oneof![
        8 => Just(Some(IDLE)),
        1 => Just(None),
        1 => Just(Some(u64::MAX)),
        1 => (1..2 * MINUTE).prop_map(Some),
    ];
    let absolute = prop_oneof![6 => Just(ABSOLUTE), 1 => Just(u64::MAX), 1 => 1..=2 * IDLE];
    (idle, absolute, any::<bool>()).prop_map(|(idle, absolute, persistent)| Life {
        idle,
        absolute,
        persistent,
    })
}

fn change() -> impl Strategy<Value = Change> {
    let presented = prop_oneof![
        16 => Just(Presented::Current),
        3 => Just(Presented::Previous),
        1 => any::<bool>().prop_map(Presented::Foreign),
    ];
    let expects = vec((pick(FIELDS), proptest::bool::weighted(0.85)), 0..=2);
    let principal = option::weighted(0.3, option::weighted(0.8, who()));
    let grace = prop_oneof![Just(None), Just(Some(MINUTE)), Just(Some(1)), Just(Some(u64::MAX))];
    let tells = pick([Tells::Nothing, Tells::TheRecord, Tells::TheRecord, Tells::AnEarlierOne]);
    let late = prop_oneof![6 => Just(0), 1 => Just(1_u64), 1 => Just(2 * MINUTE)];
    (
        (tells, late, presented, option::weighted(0.3, expects)),
        (vec(pick(FIELDS), 0..2), vec(op(), 0..6), principal, cap()),
        (option::weighted(0.2, grace), option::weighted(0.1, life())),
    )
        .prop_map(
            |(
                (tells, late, presented, expects),
                (takes, ops, principal, cap),
                (rotation, life),
            )| {
                let expects = expects.unwrap_or_default();
                Change {
                    tells,
                    late,
                    presented,
                    expects,
                    takes,
                    ops,
                    principal,
                    cap,
                    rotation,
                    life,
                }
            },
        )
}

fn op() -> BoxedStrategy<Op> {
    // Mostly the field that an op is for, so that it finds a value of its kind.
    let field = |own: &'static str| prop_oneof![3 => Just(own), 2 => pick(FIELDS)];
    let all = (any::<bool>(), number()).prop_map(|(narrow, by)| {
        if narrow { (by.clamp(-3, 3), -4, 4) } else { (by, i64::MIN, i64::MAX) }
    });
    prop_oneof![
        6 => (field("n"), all).prop_map(|(field, (by, min, max))| add_within(field, by, min, max)),
        4 => (field("n"), number()).prop_map(|(field, number)| max(field, number)),
        5 => (field("s"), member()).prop_map(|(field, member)| insert(field, member)),
        5 => (field("s"), member()).prop_map(|(field, member)| remove(field, member)),
        6 => (field("b"), value()).prop_map(|(field, value)| set(field, value)),
        4 => (field("b"), value()).prop_map(|(field, value)| once(field, value)),
        4 => (field("b"), value()).prop_map(|(field, seen)| take(field, seen)),
        3 => field("any").prop_map(unset),
        1 => vec(pick(["n", "s", "b", "extra", "extra:", "none"]), 0..4).prop_map(|keep| clear(&keep)),
    ]
    .boxed()
}

fn number() -> impl Strategy<Value = i64> {
    let edges = pick([0, 1, -1, i64::MAX, i64::MIN, (1 << 53) + 1, -(1 << 53) - 1]);
    prop_oneof![3 => -5..=5_i64, 2 => edges, 1 => any::<i64>()]
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => pick(["", "1", "\"a\"", "\0", "ü"]).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..8),
    ]
}

fn value() -> impl Strategy<Value = FieldValue> {
    prop_oneof![
        8 => member().prop_map(bytes),
        // Longer than some stores keep beside others.
        1 => pick(["a", "b"]).prop_map(|letter| bytes(letter.repeat(1100))),
        4 => number().prop_map(int),
        // Never empty: a set without members is no field.
        4 => vec(member(), 1..4).prop_map(members),
    ]
}
