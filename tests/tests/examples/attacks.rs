//! Programs of an attacker, against examples that serve a neighbour at the same time: what an attack
//! may cost in memory and processor time, and that the neighbour notices nothing. Knows the routes
//! of the examples, and what the system says of a process; knows nothing of the library.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use http::Method;
use tempfile::{NamedTempFile, TempDir};
use tests::{
    Client,
    example::{Example, command},
};

/// The longest wait of a neighbour for a page: a hundred times what a page takes on two cores with
/// much else to do, and less than a single request with quadratic work takes.
const PROMPT: Duration = Duration::from_secs(10);

/// The processor time of a request, which takes an unoptimized example a tenth of that.
const REQUEST: Duration = Duration::from_millis(5);

/// The memory that connections, threads and their parts of the allocator take when an example first has much
/// to do: less than 1 MiB was seen, but there are more threads on a larger machine.
const WARMING_UP: usize = 8 << 20;

const MEMORY: Option<&str> = Some("memory:");

/// The most that an attack may cost the program that is attacked.
#[derive(Clone, Copy)]
struct Bounds {
    /// By how many bytes the program may grow, at any moment.
    memory: usize,
    /// All processor time, also that for the neighbour.
    processor: Duration,
}

/// Returns what the neighbour's page shows after so many earlier visits.
type Shows = fn(u32) -> String;

/// A program that is attacked, and the neighbour whose session must not suffer.
struct Target {
    example: Example,
    log: NamedTempFile,
    folder: TempDir,
    neighbour: Client,
    page: &'static str,
    shows: Shows,
    visits: AtomicU32,
}

impl Target {
    async fn shop(store: Option<&str>) -> Self {
        let shows = |visits| format!("<span id=\"visits\">{}</span>", visits + 1);
        let target = Self::start("shop", store, "/", shows);
        let form = "username=ada&password=lovelace".to_owned();
        assert_eq!(target.neighbour.post_form("/login", form).await.status, 303);
        target
    }

    /// The sessions are in the cookies; what is kept is which of them have ended, and memory would
    /// forget that.
    async fn ktor() -> Self {
        let shows = |visits| format!("Session ID is 123abc. Reload count is {visits}.");
        let target = Self::start("ktor_client", None, "/user", shows);
        assert_eq!(target.neighbour.get("/login").await.status, 302);
        target
    }

    async fn kestrun() -> Self {
        let shows = |visits| format!("\"counter\":{}}}", visits + 1);
        let target = Self::start("kestrun", MEMORY, "/session/counter", shows);
        assert_eq!(target.neighbour.get("/session/login?user=max").await.status, 200);
        target
    }

    /// Starts the example `name` with a store in files, or with another one.
    fn start(name: &str, store: Option<&str>, page: &'static str, shows: Shows) -> Self {
        let log = NamedTempFile::new().expect("a place for temporary files");
        let folder = tempfile::tempdir().expect("a folder for sessions");
        let files = format!("file:{}", folder.path().display());
        let store = store.unwrap_or(&files);
        let mut command = command(name, &[("STORE", store), ("IDLE", "1h"), ("ABSOLUTE", "12h")]);
        let example = Example::run_with_log(&mut command, log.reopen().expect("the log opens"));
        let neighbour = Client::at(example.url());
        Self { example, log, folder, neighbour, page, shows, visits: AtomicU32::new(0) }
    }

    /// Carries out an attack: `rounds` times two calls of `attack` at once, with the number of each,
    /// and the neighbour's next visit beside them.
    async fn withstands(&self, bounds: Bounds, rounds: usize, attack: impl AsyncFn(usize)) {
        self.neighbour_is_served().await;
        let (resident, processor) = (self.memory("VmRSS:"), self.processor());
        for round in 0..rounds {
            tokio::join!(self.neighbour_is_served(), attack(2 * round), attack(2 * round + 1));
        }
        let grown = self.memory("VmHWM:").saturating_sub(resident);
        let spent = self.processor().saturating_sub(processor);
        assert!(grown <= bounds.memory, "{grown} bytes, more than {}", bounds.memory);
        assert!(spent <= bounds.processor, "{spent:?}, more than {:?}", bounds.processor);
        self.neighbour_is_served().await;
    }

    /// Visits the neighbour's page, which shows that none of the visits before was lost.
    async fn neighbour_is_served(&self) {
        let start = Instant::now();
        let reply = self.neighbour.get(self.page).await;
        let took = start.elapsed();
        let expected = (self.shows)(self.visits.fetch_add(1, Ordering::Relaxed));
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(reply.body.contains(&expected), "{expected}: {reply:?}");
        assert!(took < PROMPT, "the neighbour waited for {took:?}");
    }

    fn stranger(&self) -> Client {
        self.neighbour.blank()
    }

    /// A size in bytes, as the system says it of the program.
    fn memory(&self, what: &str) -> usize {
        let status = self.system("status");
        let line = status.lines().find_map(|line| line.strip_prefix(what)).expect("a line of it");
        let kibibytes = line.trim().strip_suffix(" kB").expect("a number of kB");
        kibibytes.parse::<usize>().expect("a number") << 10
    }

    /// The processor time of the program since its start.
    fn processor(&self) -> Duration {
        let stat = self.system("stat");
        // After the name in parentheses, the first field is the third.
        let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
        let ticks = fields.split(' ').skip(14 - 3).take(2).map(str::parse::<u64>);
        // Linux tells programs of hundredths of a second, whatever it counts in itself.
        Duration::from_millis(10 * ticks.map(|ticks| ticks.expect("a number")).sum::<u64>())
    }

    fn system(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.example.process.id());
        fs::read_to_string(path).expect("the program runs")
    }

    /// The number of records that are kept in files.
    fn records(&self) -> usize {
        let listed = |path: &Path| fs::read_dir(path).expect("a folder of the store");
        let parts = listed(&self.folder.path().join("sessions"));
        let files = parts.flat_map(|part| listed(&part.expect("it can be read").path()));
        files.filter(|file| file.as_ref().is_ok_and(|it| it.file_name().len() > 32)).count()
    }

    fn warnings(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log.path()).expect("the log is there");
        log.lines().filter(|line| line.contains("WARN")).map(str::to_owned).collect()
    }
}

/// No route of these examples changes a field in a loop. These are the largest bodies and headers
/// that the examples take, made of parts that are as small and as many as possible.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_requests_cost_in_proportion_to_their_size() {
    // Two at once have a form of 2 MB, the form decoded, and a page of 10 MB that grows by doubling,
    // from 8 MB to 16. All of it took 0.9 seconds; that is a tenth of the bound.
    let bounds = Bounds { memory: 2 * (28 << 20) + WARMING_UP, processor: Duration::from_secs(9) };
    let target = Target::shop(MEMORY).await;
    let angles = format!("password=x&username={}", "<".repeat(2_000_000));
    let repeated = "theme=dark&".repeat(10_000);
    let many = format!("{}=x; ", target.example.dev_name("shop")).repeat(15_000);
    let attack = async |number| {
        let stranger = target.stranger();
        let (reply, expected) = match number % 3 {
            0 => (stranger.post_form("/login", angles.clone()).await, 401),
            1 => (stranger.post_form("/theme", repeated.clone()).await, 422),
            _ => (stranger.send(Method::GET, "/cart", &[("cookie", &many)]).await, 200),
        };
        assert_eq!(reply.status, expected);
    };
    target.withstands(bounds, 6, attack).await;

    // Twelve headers of 300 KB, which cost 10 ms each.
    let bounds = Bounds { memory: WARMING_UP, processor: 12 * Duration::from_millis(100) };
    let target = Target::ktor().await;
    let many = "user_session=x; ".repeat(20_000);
    let long = format!("user_session={}", "A".repeat(300_000));
    let attack = async |number| {
        let header = if number % 2 == 0 { &many } else { &long };
        assert_eq!(
            target.stranger().send(Method::GET, "/user", &[("cookie", header)]).await.status,
            200
        );
    };
    target.withstands(bounds, 6, attack).await;
}

/// `ktor_client` keeps nothing for visitors; in `kestrun`, they choose what is kept.
#[tokio::test(flavor = "multi_thread")]
async fn visitors_who_keep_all_that_they_can_are_held_to_a_limit_each() {
    const VISITORS: usize = 100;
    let target = Target::shop(MEMORY).await;
    // A record of some 500 bytes, with a cart, a notice and a theme: 4 KiB are plenty.
    let bounds = Bounds { memory: VISITORS * 4096 + WARMING_UP, processor: 8 * REQUEST * 100 };
    let attack = async |_| {
        let stranger = target.stranger();
        for product in 1..=6 {
            assert_eq!(stranger.post(&format!("/add/{product}")).await.status, 303);
        }
        assert_eq!(stranger.post_form("/theme", "theme=dark".to_owned()).await.status, 303);
    };
    target.withstands(bounds, VISITORS / 2, attack).await;

    let target = Target::kestrun().await;
    // The limit of 64 KiB, and as much again for what an allocator rounds up. A request of 30 KB
    // takes ten times as long as an ordinary one.
    let memory = VISITORS * (128 << 10) + WARMING_UP;
    let bounds = Bounds { memory, processor: 3 * 10 * REQUEST * 100 };
    let text = "x".repeat(30_000);
    let attack = async |_| {
        let stranger = target.stranger();
        for (key, expected) in [("a", 200), ("b", 200), ("c", 422)] {
            let reply = stranger.get(&format!("/session/set?key={key}&value={text}")).await;
            assert_eq!(reply.status, expected, "{key}");
        }
    };
    target.withstands(bounds, VISITORS / 2, attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_logs_in_again_and_again_has_a_hundred_sessions_and_no_more() {
    const LOG_INS: u32 = 1000;
    // For twice a hundred sessions at most, 4 KiB each.
    let bounds = Bounds { memory: 200 * 4096 + WARMING_UP, processor: 2 * REQUEST * LOG_INS };
    let alan = || "username=alan&password=turing".to_owned();
    let target = Target::shop(MEMORY).await;
    let attack =
        async |_| assert_eq!(target.stranger().post_form("/login", alan()).await.status, 303);
    target.withstands(bounds, LOG_INS as usize / 2, attack).await;
    let last = target.stranger();
    assert_eq!(last.post_form("/login", alan()).await.status, 303);
    assert_eq!(last.post("/devices/end-others").await.status, 303);
    let page = last.get("/devices").await;
    assert!(page.body.contains("Other devices logged out: 99."), "{page:?}");

    let target = Target::ktor().await;
    let attack = async |_| assert_eq!(target.stranger().get("/login").await.status, 302);
    target.withstands(bounds, LOG_INS as usize / 2, attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_who_come_and_log_out_again_leave_a_note_each_at_most() {
    const VISITORS: u32 = 1000;
    // A note of a session that has ended is a record without fields: some 500 bytes.
    let bounds =
        Bounds { memory: VISITORS as usize * 2048 + WARMING_UP, processor: 3 * REQUEST * VISITORS };
    let target = Target::ktor().await;
    let attack = async |_| {
        let stranger = target.stranger();
        assert_eq!(stranger.get("/login").await.status, 302);
        assert_eq!(stranger.get("/logout").await.status, 302);
    };
    target.withstands(bounds, VISITORS as usize / 2, attack).await;
    // Besides, there are the floor and the epoch, by which many sessions end at once.
    let notes = target.records();
    assert!(notes <= VISITORS as usize + 2, "{notes} records after {VISITORS} log-outs");
    let copy = target.neighbour.fork();
    assert_eq!(target.neighbour.get("/logout").await.status, 302);
    assert_eq!(copy.get("/user").await.body, "Session doesn't exist or is expired.");

    let target = Target::shop(MEMORY).await;
    let attack = async |_| {
        let stranger = target.stranger();
        assert_eq!(stranger.get("/").await.status, 200);
        assert_eq!(stranger.post("/logout").await.status, 303);
    };
    target.withstands(bounds, VISITORS as usize / 2, attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_tokens_are_one_warning_a_minute_and_reach_no_store() {
    let target = Target::shop(None).await;
    flood(&target, &target.example.dev_name("shop"), "/", "/login").await;
    flood(&Target::ktor().await, "user_session", "/login", "/user").await;
}

/// Sends junk to `path`, which needs no session. The junk is made from the attacker's own token,
/// which `first` gives to anybody.
async fn flood(target: &Target, name: &str, first: &str, path: &str) {
    const TOKENS: u32 = 4000;
    let stranger = target.stranger();
    stranger.get(first).await;
    let own = stranger.cookie(name).expect("the first visit sets it");
    let send = async |number: usize| {
        let header = junk(name, &own, number);
        target.stranger().send(Method::GET, path, &[("cookie", &header)]).await.status
    };
    let attack = async |number| {
        for number in 10 * number..10 * (number + 1) {
            assert_eq!(send(number).await, 200);
        }
    };
    let bounds = Bounds { memory: WARMING_UP, processor: REQUEST * TOKENS };
    let (start, earlier) = (Instant::now(), target.warnings().len());
    target.withstands(bounds, TOKENS as usize / 20, attack).await;
    let warnings = target.warnings().split_off(earlier);
    let minutes = usize::try_from(start.elapsed().as_secs() / 60).expect("a short test");
    // A changed token may also name another key.
    let (of_keys, forged): (Vec<_>, Vec<_>) =
        warnings.iter().partition(|warning| warning.contains("session.unknown_keys"));
    assert!((1..=1 + minutes).contains(&forged.len()), "{warnings:?}");
    assert!((1..=1 + minutes).contains(&of_keys.len()), "{warnings:?}");

    let parts = target.folder.path().join("sessions");
    swap_parts(&parts, |part, away| {
        fs::rename(part, away).expect("a part of the store");
        fs::write(part, "").expect("a file in its place");
    });
    for number in 0..50 {
        assert_eq!(send(number).await, 200, "junk needs no store");
    }
    assert_eq!(
        target.neighbour.get(target.page).await.status,
        503,
        "a sound token needs the store"
    );
    swap_parts(&parts, |part, away| {
        fs::remove_file(part).expect("the file in its place");
        fs::rename(away, part).expect("the part comes back");
    });
    target.neighbour_is_served().await;
}

/// Calls `swap` with the path of each part of a store in files, and with a path beside the part.
fn swap_parts(parts: &Path, swap: impl Fn(&Path, &Path)) {
    for part in 0..=u8::MAX {
        let part = parts.join(format!("{part:02x}"));
        swap(&part, &part.with_extension("away"));
    }
}

/// A `Cookie` header that no example has ever sent.
fn junk(name: &str, own: &str, number: usize) -> String {
    let at = 7 * number % own.len();
    match number % 5 {
        0 => format!("{name}=junk{number}"),
        1 => format!("{name}={}", &own[..at]),
        2 => {
            let other = if own.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{name}={}{other}{}", &own[..at], &own[at + 1..])
        }
        3 => format!("{name}={own}{number}"),
        _ => format!("{name}={own}; {name}=junk{number}"),
    }
}
