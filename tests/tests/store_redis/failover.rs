//! Servers that end, pause, and hand over to others, while they are in use.
//!
//! What replication lost is told apart from what the store got wrong like this: before a primary is
//! killed, WAIT makes sure that its replica has all that was acknowledged until then. Afterwards, a
//! counter is at least what was acknowledged by then (later additions may be lost with the primary)
//! and at most what was ever sent. On primaries that were not killed, it is at least all that was
//! acknowledged, and no more than that and what ended without an answer. And once the failover is
//! over, additions count exactly again.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use session_runtime::store::{
    CommitOutcome, FieldValue, InsertOutcome, RedisStore, Store, StoreKey,
};
use session_runtime::testing::conformance::Repository as _;
use tests::{
    backend::redis::{Cluster, Redis, Sentinels},
    eventually,
};

use crate::support::{
    add, bytes, cluster_alone, commit, connect, key, on_its_own_thread, record, sentinels_alone,
    told,
};

/// An operation that gets no answer ends before the runtime gives it up, which is after two
/// seconds; a machine that is busy may take longer to notice.
const DEADLINE: Duration = Duration::from_secs(20);

/// One session whose counter goes up as fast as it can.
struct Worker {
    key: StoreKey,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    failures: AtomicU64,
}

impl Worker {
    fn new(namespace: &str, number: u64) -> Arc<Self> {
        let key = key(namespace, number);
        let (sent, acknowledged, failures) = Default::default();
        Arc::new(Self { key, sent, acknowledged, failures })
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    async fn begin(&self, store: &RedisStore) {
        let mut session = record(0);
        session.set("who", bytes(&self.key.to_string()));
        let outcome = store.insert_capped(&self.key, session, None).await.expect("an insert");
        assert_eq!(outcome, InsertOutcome::inserted());
    }

    async fn count(&self, store: &RedisStore) -> Result<u64, String> {
        let found = store.load(&self.key).await.map_err(|error| told(&error))?;
        let found = found.expect("a session that nobody deleted");
        assert_eq!(found.get("who"), Some(&bytes(&self.key.to_string())), "another's session");
        match found.get("n") {
            None => Ok(0),
            Some(FieldValue::Int(count)) => Ok(u64::try_from(*count).expect("a count")),
            other => panic!("{other:?}"),
        }
    }

    async fn step(&self, store: &RedisStore) {
        let start = Instant::now();
        self.sent.fetch_add(1, Ordering::SeqCst);
        match store.commit(&self.key, &commit(1, [add(1)])).await {
            Ok(CommitOutcome::Committed { .. }) => {
                self.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            // Gone, Superseded and Conflict would all be lies.
            Ok(other) => panic!("{other:?}"),
            Err(_) => {
                self.failures.fetch_add(1, Ordering::SeqCst);
            }
        }
        assert!(start.elapsed() < DEADLINE, "a commit took {:?}", start.elapsed());
        let start = Instant::now();
        let _ = self.count(store).await;
        assert!(start.elapsed() < DEADLINE, "a load took {:?}", start.elapsed());
    }

    /// Once everything works again: additions count exactly.
    async fn is_exact(&self, store: &RedisStore) {
        let before = self.count(store).await.expect("a load");
        for step in 1..=10 {
            let outcome = store.commit(&self.key, &commit(1, [add(1)])).await.expect("a commit");
            assert!(matches!(outcome, CommitOutcome::Committed { .. }));
            assert_eq!(self.count(store).await.expect("a load"), before + step);
        }
    }
}

/// Runs workers, and in the midst of it `fail`, which says how many additions of each are safe.
async fn under_load<F: Future<Output = Vec<u64>>>(
    store: &RedisStore,
    workers: &[Arc<Worker>],
    fail: impl FnOnce() -> F,
) -> Vec<u64> {
    let is_over = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = workers
        .iter()
        .map(|worker| {
            let (store, worker, is_over) = (store.clone(), worker.clone(), is_over.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    worker.step(&store).await;
                }
            })
        })
        .collect();
    eventually("the work is under way", async || {
        workers.iter().all(|worker| worker.acknowledged() > 20)
    })
    .await;
    let safe = fail().await;
    let start = Instant::now();
    let before: Vec<u64> = workers.iter().map(|worker| worker.acknowledged()).collect();
    eventually("every session can be written again", async || {
        workers.iter().zip(&before).all(|(worker, before)| worker.acknowledged() > before + 20)
    })
    .await;
    println!("all work again after {:?}", start.elapsed());
    is_over.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.expect("no wrong answer");
    }
    safe
}

/// Waits until so many replicas have what a primary has acknowledged.
fn wait_for_replicas(server: &Redis, replicas: &str) {
    let have: i64 =
        redis::from_redis_value(server.ask(&["WAIT", replicas, "60000"])).expect("a number");
    assert_eq!(have.to_string(), replicas, "replicas that have everything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_of_a_cluster_that_is_killed_is_replaced() {
    let (cluster, _alone) = cluster_alone().await;
    let store = connect(&cluster.url()).await;
    let workers: Vec<_> = (0..12).map(|number| Worker::new("killed", number)).collect();
    for worker in &workers {
        worker.begin(&store).await;
    }
    let name = |worker: &Worker| format!("session:{}", worker.key);
    let served_by = |worker: &Worker| cluster.primary_of(&name(worker));
    let victim = served_by(&workers[0]);
    let is_hit: Vec<bool> = workers.iter().map(|worker| served_by(worker) == victim).collect();
    assert!(is_hit.contains(&false), "other primaries serve some");
    let safe = under_load(&store, &workers, async || {
        let safe = workers.iter().map(|worker| worker.acknowledged()).collect();
        on_its_own_thread(move || {
            wait_for_replicas(&cluster.nodes()[victim], "1");
            cluster.nodes()[victim].kill();
        })
        .await;
        safe
    })
    .await;
    check(&store, &workers, &safe, &is_hit).await;
    on_its_own_thread(move || {
        cluster.nodes()[victim].restart();
        cluster.wait_until_whole();
    })
    .await;
    for worker in &workers {
        worker.is_exact(&store).await;
    }
}

/// Holds what is there against what was acknowledged.
async fn check(store: &RedisStore, workers: &[Arc<Worker>], safe: &[u64], is_hit: &[bool]) {
    for ((worker, safe), is_hit) in workers.iter().zip(safe).zip(is_hit) {
        let count = worker.count(store).await.expect("a load");
        let (sent, acknowledged) = (worker.sent.load(Ordering::SeqCst), worker.acknowledged());
        let failures = worker.failures.load(Ordering::SeqCst);
        println!(
            "hit {is_hit}: {safe} safe, {acknowledged} acknowledged, {failures} failed, {count} there"
        );
        let least = if *is_hit { *safe } else { acknowledged };
        assert!((least..=sent).contains(&count), "{count} of {least} to {sent}");
        assert!(failures < 20, "{failures} failures");
        worker.is_exact(store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_killed_is_replaced_by_the_sentinels() {
    let (group, _alone) = sentinels_alone().await;
    let store = connect(&group.url()).await;
    let workers: Vec<_> = (0..6).map(|number| Worker::new("killed", number)).collect();
    for worker in &workers {
        worker.begin(&store).await;
    }
    let master = on_its_own_thread(|| Sentinels::shared().master()).await;
    let safe = under_load(&store, &workers, async || {
        let safe = workers.iter().map(|worker| worker.acknowledged()).collect();
        on_its_own_thread(move || {
            wait_for_replicas(&group.servers()[master], "2");
            group.servers()[master].kill();
        })
        .await;
        safe
    })
    .await;
    check(&store, &workers, &safe, &vec![true; workers.len()]).await;
    on_its_own_thread(move || {
        // It comes back empty, and as a master: a Sentinel that has not heard of the failover yet
        // would name it again.
        group.wait_until_replaced(master);
        group.servers()[master].restart();
        group.wait_until_whole();
    })
    .await;
    for worker in &workers {
        worker.is_exact(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_sessions_and_the_store_connects_again_by_itself() {
    let mut server = Redis::durable();
    let store = connect(&server.url()).await;
    let workers: Vec<_> = (0..20).map(|number| Worker::new("restart", number)).collect();
    for worker in &workers {
        worker.begin(&store).await;
        worker.step(&store).await;
    }
    server.kill();
    let start = Instant::now();
    let error = store.load(&workers[0].key).await.expect_err("nobody answers");
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
    assert!(told(&error).contains(&format!("127.0.0.1:{}", server.port())), "{}", told(&error));
    let error = store.commit(&workers[0].key, &commit(1, [add(1)])).await;
    error.expect_err("nobody answers");
    let error = store.insert_capped(&key("restart", 99), record(0), None).await;
    let error = error.expect_err("nobody answers");
    assert!(error.is_not_applied(), "there was no connection: {error}");
    server.restart();
    for worker in &workers {
        assert_eq!(worker.count(&store).await, Ok(1));
        worker.is_exact(&store).await;
    }
    // While nobody asks, too: the first commit afterwards is not lost.
    server.restart();
    worker_is_not_disturbed(&store, &workers[1]).await;
}

async fn worker_is_not_disturbed(store: &RedisStore, worker: &Worker) {
    let outcome = store.commit(&worker.key, &commit(1, [add(1)])).await.expect("a commit");
    assert!(matches!(outcome, CommitOutcome::Committed { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_come_late_reach_nobody() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let workers: Vec<_> = (0..10).map(|number| Worker::new("late", number)).collect();
    for worker in &workers {
        worker.begin(&store).await;
    }
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &server.id().to_string()]).status();
        assert!(status.expect("a shell's helper").success());
    };
    signal("-STOP");
    let stopped: Vec<_> = workers
        .iter()
        .map(|worker| {
            let (store, worker) = (store.clone(), worker.clone());
            tokio::spawn(async move { worker.step(&store).await })
        })
        .collect();
    for task in stopped {
        task.await.expect("an error in time");
    }
    signal("-CONT");
    for worker in &workers {
        assert_eq!(worker.failures.load(Ordering::SeqCst), 1);
        // The commit may have been carried out; once, if so.
        assert!(worker.count(&store).await.expect("a load") <= 1);
        worker.is_exact(&store).await;
    }
}

/// A session whose slot holds no other key, that slot, and the node that serves it. Other tests
/// have left their sessions in the cluster, and a node does not hand over a slot that holds one.
fn with_a_slot_of_its_own(cluster: &Cluster) -> (Arc<Worker>, String, usize) {
    let number = |node: usize, command: &[&str]| -> i64 {
        redis::from_redis_value(cluster.nodes()[node].ask(command)).expect("a number")
    };
    let found = (0..1000).find_map(|candidate| {
        let worker = Worker::new("moving", candidate);
        let name = format!("session:{}", worker.key);
        let node = cluster.primary_of(&name);
        let slot = number(node, &["CLUSTER", "KEYSLOT", &name]).to_string();
        let keys = number(node, &["CLUSTER", "COUNTKEYSINSLOT", &slot]);
        (keys == 0).then_some((worker, slot, node))
    });
    found.expect("most slots are empty")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_takes_its_sessions_along() {
    let (cluster, _alone) = cluster_alone().await;
    let store = connect(&cluster.url()).await;
    let (worker, slot, from) = on_its_own_thread(|| with_a_slot_of_its_own(cluster)).await;
    worker.begin(&store).await;
    let name = format!("session:{}", worker.key);
    let to = on_its_own_thread(move || {
        let is_primary = |node: &Redis| node.text(&["INFO", "replication"]).contains("role:master");
        let nodes = cluster.nodes();
        let to = (0..nodes.len()).find(|it| *it != from && is_primary(&nodes[*it]));
        to.expect("another primary")
    })
    .await;
    let id = |node: usize| cluster.nodes()[node].text(&["CLUSTER", "MYID"]);
    let (from_id, to_id) = (id(from), id(to));
    let ask = |node: usize, command: &[&str]| cluster.nodes()[node].ask(command);
    let _ = ask(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    let _ = ask(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    // Still at its old place.
    worker.is_exact(&store).await;
    let port = cluster.nodes()[to].port().to_string();
    let _ = ask(from, &["MIGRATE", "127.0.0.1", &port, &name, "0", "60000"]);
    // At its new place, of which only the old one tells (ASK).
    worker.is_exact(&store).await;
    assert!(store.remove(&worker.key, None).await.expect("a deletion"));
    worker.begin(&store).await;
    worker.is_exact(&store).await;
    for node in [to, from] {
        let _ = ask(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
    }
    // Told by MOVED.
    worker.is_exact(&store).await;
    // And back, so that the group is as it was.
    on_its_own_thread(move || {
        let ask = |node: usize, command: &[&str]| cluster.nodes()[node].ask(command);
        let _ = ask(to, &["DEL", &name]);
        let _ = ask(from, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &to_id]);
        let _ = ask(to, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &from_id]);
        for node in [from, to] {
            let _ = ask(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &from_id]);
        }
        Cluster::shared().wait_until_whole();
    })
    .await;
}
