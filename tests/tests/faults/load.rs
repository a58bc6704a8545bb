//! Many users at once, for as long as a test wants: starts them, tells how they fare, and stops
//! them. What an answer may be is the business of `user`.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tests::{eventually, machine::Machine};
use tokio::task::JoinSet;

use crate::user::{Excused, User, Wrong};

/// What a client does before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    excused: Arc<Excused>,
    tallies: Vec<Tally>,
}

/// How one user fares.
#[derive(Default)]
struct Tally {
    able: AtomicU64,
    unable: AtomicU64,
    wrong: Mutex<Option<Wrong>>,
}

/// Users at work.
pub(crate) struct Load {
    users: JoinSet<Option<User>>,
    shared: Arc<Shared>,
}

impl Load {
    /// That many users, spread over the machines.
    pub(crate) async fn start(machines: &[Machine], users: usize) -> Self {
        let tallies = (0..users).map(|_| Tally::default()).collect();
        let shared = Arc::new(Shared { tallies, ..Shared::default() });
        let mut at_work = JoinSet::new();
        for (number, machine) in machines.iter().cycle().take(users).enumerate() {
            let (name, excused) = (format!("user-{number}"), Arc::clone(&shared.excused));
            let user = User::log_in(name, machine.client(), excused).await;
            let user = user.unwrap_or_else(|wrong| panic!("{wrong}"));
            at_work.spawn(work(user, number, Arc::clone(&shared)));
        }
        Self { users: at_work, shared }
    }

    /// Waits until every user could do so many steps more.
    pub(crate) async fn well(&self, steps: u64) {
        self.until("is well", steps, |tally| &tally.able).await;
    }

    /// Waits until every user was told so many times more that it does not go.
    pub(crate) async fn ill(&self, steps: u64) {
        self.until("is told so", steps, |tally| &tally.unable).await;
    }

    async fn until(&self, what: &str, steps: u64, count: impl Fn(&Tally) -> &AtomicU64) {
        let now = |tally: &Tally| count(tally).load(Relaxed);
        let goals: Vec<u64> = self.shared.tallies.iter().map(|it| now(it) + steps).collect();
        eventually(format!("every user {what}"), async || {
            for tally in &self.shared.tallies {
                let wrong = tally.wrong.lock().unwrap_or_else(PoisonError::into_inner);
                assert!(wrong.is_none(), "{wrong:?}");
            }
            self.shared.tallies.iter().zip(&goals).all(|(tally, goal)| now(tally) >= *goal)
        })
        .await;
    }

    /// Forgives the loss of what is acknowledged after this moment.
    pub(crate) fn excuse_from(&self, from: Instant) {
        self.shared.excused.from.set(from).expect("one failure a load");
    }

    /// Forgives no loss of what is acknowledged after this moment.
    pub(crate) fn excuse_until(&self, until: Instant) {
        self.shared.excused.until.set(until).expect("one failure a load");
    }

    /// Lets everybody finish, and check once more.
    pub(crate) async fn stop(self) {
        self.shared.stop.store(true, Relaxed);
        let users = self.users.join_all().await;
        for tally in &self.shared.tallies {
            let wrong = tally.wrong.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(wrong.is_none(), "{wrong:?}");
        }
        for mut user in users.into_iter().flatten() {
            user.check().await.unwrap_or_else(|wrong| panic!("at the end: {wrong}"));
        }
    }
}

async fn work(mut user: User, number: usize, shared: Arc<Shared>) -> Option<User> {
    let tally = &shared.tallies[number];
    while !shared.stop.load(Relaxed) {
        match user.step().await {
            Ok(true) => {
                tally.able.fetch_add(1, Relaxed);
            }
            Ok(false) => {
                tally.unable.fetch_add(1, Relaxed);
                #[expect(clippy::disallowed_methods, reason = "it plays a client that is patient")]
                tokio::time::sleep(PAUSE).await;
            }
            Err(wrong) => {
                *tally.wrong.lock().unwrap_or_else(PoisonError::into_inner) = Some(wrong);
                return None;
            }
        }
    }
    Some(user)
}
