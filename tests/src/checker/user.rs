//! One user who works in sessions of their own, at one process after another, and checks every answer
//! against all that was answered before. Owns what an answer may be; knows nothing of what goes wrong
//! meanwhile.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use http::{Method, StatusCode};

use super::{Shared, Wrong, tokens::Tokens};
use crate::{Client, Reply, app::Shown};

/// The longest that a request may take: it loads and commits, each with a deadline of 2 s, which a
/// machine that is busy may meet late.
const LONGEST: Duration = Duration::from_secs(20);
/// The time after which a user goes to another process, where processes may be stopped.
const PATIENCE: Duration = Duration::from_secs(3);

/// A change that the application was asked for.
#[derive(Debug)]
struct Done {
    what: What,
    /// When it was acknowledged; `None`: it never was, and may have happened or not.
    acknowledged: Option<Instant>,
}

#[derive(Debug)]
enum What {
    Note(String),
    Hit,
    Tally,
    /// With a browser that still has the token.
    LogOut(Client),
}

/// See the module.
#[derive(Debug)]
pub(super) struct User {
    name: String,
    client: Client,
    tokens: Tokens,
    done: Vec<Done>,
    steps: usize,
    /// Which process is next.
    turn: usize,
    shared: Arc<Shared>,
}

impl User {
    /// Logs in, before anything goes wrong.
    pub(super) async fn log_in(
        number: usize,
        client: Client,
        shared: Arc<Shared>,
    ) -> Result<Self, Wrong> {
        let name = format!("user-{number}");
        let (tokens, done) = (Tokens::default(), Vec::new());
        let mut user = Self { name, client, tokens, done, steps: 0, turn: number, shared };
        let start = [format!("/login/{}", user.name), format!("/theme/{}", user.name)];
        for path in start {
            let answer = user.ask(&user.client, Method::POST, &path, 0).await?;
            answer.ok_or_else(|| format!("{path}: nothing is wrong yet"))?;
        }
        if user.hit().await? { Ok(user) } else { Err("/hit: nothing is wrong yet".to_owned()) }
    }

    /// Takes one step more. Returns whether the application was able to.
    pub(super) async fn step(&mut self) -> Result<bool, Wrong> {
        self.steps += 1;
        self.turn += 1;
        let started = Instant::now();
        let able = match self.steps % 10 {
            0 => self.note().await?,
            1 | 5 => self.show().await?,
            2 => self.hit().await?,
            3 => self.hits().await?,
            4 => self.tally().await?,
            6 => self.visit().await?,
            7 | 8 => self.two_notes_at_once().await?,
            _ => self.knock().await?,
        };
        let reissues =
            self.tokens.look(&self.client).map_err(|it| format!("{}: {it}", self.name))?;
        self.shared.reissues.fetch_add(reissues, Relaxed);
        let took = started.elapsed();
        // A visit takes three requests.
        if took > LONGEST * 3 { Err(format!("a step took {took:?}")) } else { Ok(able) }
    }

    /// Checks everything once more at each process, when nothing is wrong any more.
    pub(super) async fn check(&mut self) -> Result<(), Wrong> {
        let mut able = true;
        for _ in 0..self.shared.urls.len() {
            self.turn += 1;
            able &= self.show().await? && self.hits().await?;
            self.tokens.look(&self.client)?;
        }
        for done in &self.done {
            if let What::LogOut(ended) = &done.what {
                self.assert_ended(ended, done).await?;
            }
        }
        if able { Ok(()) } else { Err(format!("{}: it should be well again", self.name)) }
    }

    async fn note(&mut self) -> Result<bool, Wrong> {
        let key = format!("{}-{}", self.name, self.steps);
        self.change(&format!("/note/{key}/of-{key}"), What::Note(key.clone())).await
    }

    /// Writes two notes at two processes, as a page with two scripts does.
    async fn two_notes_at_once(&mut self) -> Result<bool, Wrong> {
        let keys = ["a", "b"].map(|it| format!("{}-{}-{it}", self.name, self.steps));
        let paths = keys.each_ref().map(|key| format!("/note/{key}/of-{key}"));
        let (first, second) = tokio::join!(
            self.ask(&self.client, Method::POST, &paths[0], 0),
            self.ask(&self.client, Method::POST, &paths[1], 1),
        );
        let mut able = true;
        for (key, answer) in keys.into_iter().zip([first?, second?]) {
            able &= answer.is_some();
            let acknowledged = answer.map(|_| Instant::now());
            self.done.push(Done { what: What::Note(key), acknowledged });
        }
        Ok(able)
    }

    async fn hit(&mut self) -> Result<bool, Wrong> {
        self.change("/hit", What::Hit).await
    }

    async fn tally(&mut self) -> Result<bool, Wrong> {
        self.change("/tally", What::Tally).await
    }

    /// Asks for a change, and remembers what became of it.
    async fn change(&mut self, path: &str, what: What) -> Result<bool, Wrong> {
        let answer = self.ask(&self.client, Method::POST, path, 0).await?;
        let acknowledged = answer.map(|_| Instant::now());
        self.done.push(Done { what, acknowledged });
        Ok(acknowledged.is_some())
    }

    async fn show(&self) -> Result<bool, Wrong> {
        let answer = self.ask(&self.client, Method::GET, "/show", 0).await?;
        let Some(body) = answer else { return Ok(false) };
        let shown: Shown = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        if shown == Shown::default() && self.may_be_nobody() {
            return Ok(false);
        }
        let wrong = |what: &str| Err(format!("{}: {what}: {shown:?}", self.name));
        if shown.theme != self.name || shown.user.as_ref() != Some(&self.name) {
            return wrong("another session, or none");
        }
        if !self.range(|what| matches!(what, What::Tally)).contains(&(shown.tally as usize)) {
            return wrong("the tally is off");
        }
        let mut known = 0;
        for done in &self.done {
            let What::Note(key) = &done.what else { continue };
            match shown.notes.get(key) {
                Some(value) if *value == format!("of-{key}") => known += 1,
                None if !self.is_certain(done) => {}
                _ => return wrong(&format!("the note {key} is lost or wrong")),
            }
        }
        if known == shown.notes.len() { Ok(true) } else { wrong("somebody else's note") }
    }

    async fn hits(&self) -> Result<bool, Wrong> {
        let answer = self.ask(&self.client, Method::GET, "/hits", 0).await?;
        let Some(body) = answer else { return Ok(false) };
        let allowed = self.range(|what| matches!(what, What::Hit));
        match body.parse() {
            Ok(hits) if allowed.contains(&hits) => Ok(true),
            Ok(0) if self.may_be_nobody() => Ok(false),
            _ => Err(format!("{}: {body} hits, not {allowed:?}", self.name)),
        }
    }

    /// Logs in at another browser, looks around, and logs out, each at another process.
    async fn visit(&mut self) -> Result<bool, Wrong> {
        let (browser, name) = (self.client.blank(), format!("visitor-of-{}", self.name));
        let path = format!("/login/{name}");
        if self.ask(&browser, Method::POST, &path, 0).await?.is_none() {
            return Ok(false);
        }
        let logged_in = Instant::now();
        let Some(reply) = self.send(&browser, Method::GET, "/user", 1).await? else {
            return Ok(false);
        };
        if reply.status == StatusCode::UNAUTHORIZED {
            if self.shared.is_excused(logged_in) {
                return Ok(true);
            }
            if !self.may_be_nobody() || browser.cookie("app").is_none() {
                return Err(format!("{name}: logged in, and nobody"));
            }
        } else {
            match self.good("/user", reply)? {
                None => return Ok(false),
                Some(user) if user == name => {}
                Some(user) => return Err(format!("{name}: is {user}")),
            }
        }
        let ended = browser.fork();
        let able = self.ask(&browser, Method::POST, "/logout", 2).await?.is_some();
        let acknowledged = able.then(Instant::now);
        self.done.push(Done { what: What::LogOut(ended), acknowledged });
        Ok(able)
    }

    /// Presents the last token that was logged out.
    async fn knock(&self) -> Result<bool, Wrong> {
        let ended = self.done.iter().rev().find_map(|done| match &done.what {
            What::LogOut(ended) => Some((ended, done)),
            _ => None,
        });
        match ended {
            None => Ok(true),
            Some((ended, done)) => self.assert_ended(ended, done).await,
        }
    }

    async fn assert_ended(&self, ended: &Client, done: &Done) -> Result<bool, Wrong> {
        // A fork: the answer may take the token away.
        let answer = self.send(&ended.fork(), Method::GET, "/user", 0).await?;
        match answer.map(|reply| reply.status) {
            Some(StatusCode::UNAUTHORIZED) => Ok(true),
            None | Some(StatusCode::SERVICE_UNAVAILABLE) => Ok(false),
            Some(StatusCode::OK) if !self.is_certain(done) => Ok(true),
            Some(other) => Err(format!("{}: a session that was ended: {other}", self.name)),
        }
    }

    /// Returns the body of an answer, or nothing if the application was not able to; anything else is
    /// wrong. The process is so many after the one whose turn it is.
    async fn ask(
        &self,
        client: &Client,
        method: Method,
        path: &str,
        further: usize,
    ) -> Result<Option<String>, Wrong> {
        match self.send(client, method, path, further).await? {
            None => Ok(None),
            Some(reply) => self.good(path, reply),
        }
    }

    /// Returns the answer, or nothing if there is none and need not be.
    async fn send(
        &self,
        client: &Client,
        method: Method,
        path: &str,
        further: usize,
    ) -> Result<Option<Reply>, Wrong> {
        let client = client.roams(&self.shared.url(self.turn + further));
        let may_be_silent = || self.shared.may_be_silent.load(Relaxed);
        let was_allowed = may_be_silent();
        let patience = if was_allowed { PATIENCE } else { LONGEST };
        match client.attempt(method, path, patience).await {
            None if !was_allowed && !may_be_silent() => {
                Err(format!("{}: {path}: no answer", self.name))
            }
            answer => Ok(answer),
        }
    }

    fn good(&self, path: &str, reply: Reply) -> Result<Option<String>, Wrong> {
        match reply.status {
            StatusCode::OK => Ok(Some(reply.body)),
            StatusCode::SERVICE_UNAVAILABLE if reply.set_cookies().is_empty() => {
                self.shared.refusals.fetch_add(1, Relaxed);
                Ok(None)
            }
            other => Err(format!("{}: {path}: {other} {}", self.name, reply.body)),
        }
    }

    /// Returns how often a change may have happened.
    fn range(&self, kind: impl Fn(&What) -> bool) -> std::ops::RangeInclusive<usize> {
        let of_kind = || self.done.iter().filter(|done| kind(&done.what));
        of_kind().filter(|done| self.is_certain(done)).count()..=of_kind().count()
    }

    fn is_certain(&self, done: &Done) -> bool {
        done.acknowledged.is_some_and(|at| !self.shared.is_excused(at))
    }

    /// Returns whether a process may take an authentic token for nobody's, since it does not know the
    /// key.
    fn may_be_nobody(&self) -> bool {
        self.shared.may_know_no_key.load(Relaxed)
    }
}
