//! Requests that make many changes to one field: that what they cost grows with their number, and not with its
//! square. Owns the session that is changed, and the same work on plain values, which is not ours to save.

use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use axum::{Router, routing::get};
use session_runtime::{KeyRing, Session, SessionLayer, store::MemoryStore};

use crate::workload::CHANGES_EACH;

#[derive(Session)]
#[session(name = "changed", idle = "30m", absolute = "12h", secure = false)]
struct Changed {
    begun: bool,
    #[session(counter)]
    hits: i64,
    list: Vec<u32>,
    seen: BTreeSet<u32>,
    notes: BTreeMap<u32, u32>,
}

/// Returns the bytes that are allocated now, in the program that counts them.
pub static LIVE: OnceLock<fn() -> usize> = OnceLock::new();
/// The bytes that the changes of the last request kept, before anything was saved.
pub static KEPT: AtomicUsize = AtomicUsize::new(0);

/// The routes of the library.
pub fn ours() -> Router {
    macro_rules! changes {
        (|$session:ident, $number:ident| $change:expr) => {
            get(async |$session: Session<Changed>| {
                many(|$number| {
                    $change;
                });
                "ok"
            })
        };
    }
    let keys = KeyRing::generate().expect("random bytes");
    let layer = SessionLayer::<Changed>::builder(keys)
        .store(MemoryStore::default())
        .unlimited_session_bytes()
        .build()
        .expect("sound");
    Router::new()
        .route(
            "/changes/create",
            get(async |session: Session<Changed>| {
                session.set_begun(true);
                "ok"
            }),
        )
        .route("/changes/counter", changes!(|session, number| session.add_hits(i64::from(number))))
        .route("/changes/push", changes!(|session, number| session.push_list(number)))
        .route(
            "/changes/update",
            changes!(|session, number| session.update_list(move |list| list.push(number))),
        )
        .route(
            "/changes/insert",
            changes!(|session, number| if !session.contains_seen(&number) {
                session.insert_seen(number);
            }),
        )
        .route("/changes/map", changes!(|session, number| session.insert_notes(number, number)))
        .layer(layer)
}

/// The same work without a session.
pub fn bare() -> Router {
    macro_rules! changes {
        ($of:ty, |$value:ident, $number:ident| $change:expr) => {
            get(async || {
                let mut $value = <$of>::default();
                many(|$number| {
                    $change;
                    black_box(&mut $value);
                });
                black_box(serde_json::to_vec(&$value).expect("it is JSON"));
                "ok"
            })
        };
    }
    Router::new()
        .route("/changes/counter", changes!(i64, |sum, number| sum += i64::from(number)))
        .route("/changes/push", changes!(Vec<u32>, |list, number| list.push(number)))
        .route("/changes/update", changes!(Vec<u32>, |list, number| list.push(number)))
        .route(
            "/changes/insert",
            changes!(BTreeSet<u32>, |seen, number| if !seen.contains(&number) {
                seen.insert(number);
            }),
        )
        .route(
            "/changes/map",
            changes!(BTreeMap<u32, u32>, |notes, number| notes.insert(number, number)),
        )
}

/// Makes the changes. Callgrind finds it by its name.
#[inline(never)]
fn many(mut change: impl FnMut(u32)) {
    let live = || LIVE.get().map_or(0, |live| live());
    let before = live();
    (0..CHANGES_EACH).for_each(&mut change);
    KEPT.store(live().saturating_sub(before), Relaxed);
}
