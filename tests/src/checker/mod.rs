//! Virtual users, for as long as a test wants: starts them, spreads them over processes that come and
//! go, tells how they fare, and stops them. What an answer may be is the business of `user`, what a
//! token may be that of `tokens`.

mod tokens;
mod user;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use self::user::User;
use crate::{Client, eventually, machine::Machine};

/// The pause of a client before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// The most steps that are waited for at once.
const STEPS_AT_ONCE: u64 = 20;

/// What was wrong.
type Wrong = String;

/// Users at work.
#[derive(Debug)]
pub struct Checker {
    users: JoinSet<Option<User>>,
    shared: Arc<Shared>,
}

/// What the users, and the test that they work for, know together.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// Where the processes serve.
    urls: Vec<Mutex<String>>,
    tallies: Vec<Tally>,
    /// From when until when what was acknowledged may be lost: a primary died that had told its
    /// replicas nothing of it yet. Without an end, it is about to.
    excused: [OnceLock<Instant>; 2],
    /// True while processes may be gone, or stopped.
    may_be_silent: AtomicBool,
    /// True while processes may not know each key under which tokens were made.
    may_know_no_key: AtomicBool,
    refusals: AtomicU64,
    reissues: AtomicU64,
}

/// How one user fares.
#[derive(Debug, Default)]
struct Tally {
    able: AtomicU64,
    unable: AtomicU64,
    wrong: Mutex<Option<Wrong>>,
}

impl Checker {
    /// Starts that many users. Each of them uses all machines in turn.
    ///
    /// # Panics
    ///
    /// If not all of them can log in.
    pub async fn start(machines: &[Machine], users: usize) -> Self {
        let tallies = (0..users).map(|_| Tally::default()).collect();
        let urls = machines.iter().map(|it| Mutex::new(it.url().to_owned())).collect();
        let shared = Arc::new(Shared { urls, tallies, ..Shared::default() });
        let mut at_work = JoinSet::new();
        for number in 0..users {
            let shared = Arc::clone(&shared);
            at_work.spawn(async move {
                match User::log_in(number, Client::at(&shared.url(0)), Arc::clone(&shared)).await {
                    Ok(user) => work(user, number, shared).await,
                    Err(wrong) => shared.tallies[number].fail(wrong),
                }
            });
        }
        let checker = Self { users: at_work, shared };
        checker.well(1).await;
        checker
    }

    /// Tells the users that a machine serves at another address.
    ///
    /// # Panics
    ///
    /// If there is no machine of that number.
    pub fn moved(&self, machine: usize, url: &str) {
        url.clone_into(&mut lock(&self.shared.urls[machine]));
    }

    /// Says whether a request may get no answer: a process is killed or stopped. What it asked for may
    /// have taken place or not, or take place later.
    pub fn may_be_silent(&self, may: bool) {
        self.shared.may_be_silent.store(may, Relaxed);
    }

    /// Says whether a process may not know each key: such a process may answer as to nobody as long as
    /// it leaves the tokens alone, and refuses every change.
    pub fn may_know_no_key(&self, may: bool) {
        self.shared.may_know_no_key.store(may, Relaxed);
    }

    /// Waits until every user could do so many steps more.
    ///
    /// # Panics
    ///
    /// If a user finds something wrong.
    pub async fn well(&self, steps: u64) {
        // In parts, since there is a limit on each wait.
        let mut left = steps;
        while left > 0 {
            let part = left.min(STEPS_AT_ONCE);
            self.until("is well", part, |tally| &tally.able).await;
            left -= part;
        }
    }

    /// Waits until every user was told so many times more that it does not go.
    ///
    /// # Panics
    ///
    /// If a user finds something wrong.
    pub async fn ill(&self, steps: u64) {
        self.until("is told so", steps, |tally| &tally.unable).await;
    }

    async fn until(&self, what: &str, steps: u64, count: impl Fn(&Tally) -> &AtomicU64) {
        let now = |tally: &Tally| count(tally).load(Relaxed);
        let goals: Vec<u64> = self.shared.tallies.iter().map(|it| now(it) + steps).collect();
        eventually(format!("every user {what}"), async || {
            self.assert_nothing_wrong();
            self.shared.tallies.iter().zip(&goals).all(|(tally, goal)| now(tally) >= *goal)
        })
        .await;
    }

    fn assert_nothing_wrong(&self) {
        let wrong: Vec<Wrong> =
            self.shared.tallies.iter().filter_map(|it| lock(&it.wrong).clone()).collect();
        assert!(wrong.is_empty(), "{} users; {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    }

    /// Waits until so many requests more were refused (503), of all users together.
    ///
    /// # Panics
    ///
    /// If a user finds something wrong.
    pub async fn refused(&self, requests: u64) {
        let goal = self.refusals() + requests;
        eventually("requests are refused", async || {
            self.assert_nothing_wrong();
            self.refusals() >= goal
        })
        .await;
    }

    /// Returns how many requests were refused (503) so far.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.shared.refusals.load(Relaxed)
    }

    /// Returns how many tokens were replaced so far.
    #[must_use]
    pub fn reissues(&self) -> u64 {
        self.shared.reissues.load(Relaxed)
    }

    /// Returns how many steps went well so far, of all users together.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.shared.tallies.iter().map(|tally| tally.able.load(Relaxed)).sum()
    }

    /// Forgives the loss of what is acknowledged after this moment.
    ///
    /// # Panics
    ///
    /// At the second call.
    pub fn excuse_from(&self, from: Instant) {
        self.shared.excused[0].set(from).expect("one failure a load");
    }

    /// Forgives no loss of what is acknowledged after this moment.
    ///
    /// # Panics
    ///
    /// At the second call.
    pub fn excuse_until(&self, until: Instant) {
        self.shared.excused[1].set(until).expect("one failure a load");
    }

    /// Lets everybody finish, and check once more.
    ///
    /// # Panics
    ///
    /// If a user finds something wrong, or not all is well.
    pub async fn stop(mut self) {
        self.shared.stop.store(true, Relaxed);
        let mut users = Vec::new();
        while let Some(user) = self.users.join_next().await {
            users.push(user.expect("users do not panic"));
        }
        self.assert_nothing_wrong();
        self.may_be_silent(false);
        self.may_know_no_key(false);
        let mut checks = JoinSet::new();
        for mut user in users.into_iter().flatten() {
            checks.spawn(async move { user.check().await });
        }
        let wrong: Vec<Wrong> =
            checks.join_all().await.into_iter().filter_map(Result::err).collect();
        assert!(wrong.is_empty(), "at the end: {wrong:#?}");
    }
}

impl Shared {
    fn url(&self, turn: usize) -> String {
        lock(&self.urls[turn % self.urls.len()]).clone()
    }

    fn is_excused(&self, at: Instant) -> bool {
        let [from, until] = &self.excused;
        let is_after = from.get().is_some_and(|from| at >= *from);
        is_after && until.get().is_none_or(|until| at <= *until)
    }
}

impl Tally {
    fn fail(&self, wrong: Wrong) -> Option<User> {
        *lock(&self.wrong) = Some(wrong);
        None
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
            Err(wrong) => return tally.fail(wrong),
        }
    }
    Some(user)
}
