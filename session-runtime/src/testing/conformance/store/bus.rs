//! The bus of a store, if there is one: what is published reaches everybody who watches. For a store
//! without a bus these tests pass; whoever watches there asks for the records.

use std::time::Duration;

use crate::{
    store::{Notice, Watch},
    testing::conformance::fixture::{Fixture, answer, broken, equal},
};

/// Longer than any notice takes, also while many tests run.
const PATIENCE: Duration = Duration::from_secs(30);
const NOTICES: usize = 200;

async fn next(watch: &mut Watch) -> Notice {
    let rule = "a notice arrives, and a watch lasts as long as its store";
    match tokio::time::timeout(PATIENCE, watch.next()).await {
        Ok(Some(notice)) => notice,
        Ok(None) => broken(rule, "the watch has ended"),
        Err(_) => broken(rule, &format!("nothing has come within {PATIENCE:?}")),
    }
}

/// Begins to watch, and waits until no later notice gets lost.
async fn watch(it: &Fixture) -> Option<Watch> {
    let mut watch = it.store.watch()?;
    let rule = "a watch begins with `Everything`, as soon as no later notice gets lost";
    equal(rule, &Notice::Everything, &next(&mut watch).await);
    Some(watch)
}

/// Returns the next notices of this test; others may publish, too.
async fn own(it: &Fixture, watch: &mut Watch, count: usize) -> Vec<Notice> {
    let mut own = Vec::new();
    while own.len() < count {
        match next(watch).await {
            Notice::Everything => own.push(Notice::Everything),
            Notice::Session(key) if key.namespace == it.namespace => {
                own.push(Notice::Session(key));
            }
            Notice::Namespace(namespace) if namespace == it.namespace => {
                own.push(Notice::Namespace(namespace));
            }
            _ => {}
        }
    }
    own
}

pub async fn a_notice_reaches_everybody_who_watches(it: Fixture) {
    let rule = "a notice reaches everybody who watches, as it was published";
    let (one, two) = (watch(&it).await, watch(&it).await);
    let notices = vec![Notice::Session(it.key()), Notice::Namespace(it.namespace.clone())];
    for notice in &notices {
        answer("publish", it.store.publish(notice)).await;
    }
    for mut watch in [one, two].into_iter().flatten() {
        equal(rule, &notices, &own(&it, &mut watch, notices.len()).await);
    }
}

pub async fn notices_come_in_their_order_and_none_is_lost(it: Fixture) {
    let Some(mut watch) = watch(&it).await else { return };
    let notices: Vec<_> = (0..NOTICES).map(|_| Notice::Session(it.key())).collect();
    for notice in &notices {
        answer("publish", it.store.publish(notice)).await;
    }
    let rule = "notices come in the order in which they were published, each once";
    equal(rule, &notices, &own(&it, &mut watch, NOTICES).await);
}

pub async fn who_watches_again_misses_nothing_from_then_on(it: Fixture) {
    let rule = "whoever watches after others have stopped hears everything from then on";
    for _ in 0..4 {
        let Some(mut watch) = watch(&it).await else { return };
        let notice = Notice::Session(it.key());
        answer("publish", it.store.publish(&notice)).await;
        equal(rule, &vec![notice], &own(&it, &mut watch, 1).await);
    }
}
