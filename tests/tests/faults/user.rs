//! One user who works in sessions of their own, one request after another, and checks every
//! answer against all that was answered before. Owns what an answer may be; knows nothing of what
//! goes wrong meanwhile.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use tests::{Client, Reply, app::Shown};

/// The longest that a request may take: it loads and commits, each with a deadline of 2 s, which a
/// machine that is busy may meet late.
const LONGEST: Duration = Duration::from_secs(20);

/// What was wrong.
pub(crate) type Wrong = String;

/// From when until when what was acknowledged may be lost: a primary died that had told its replicas
/// nothing of it yet. Without an end, it is about to.
#[derive(Default)]
pub(crate) struct Excused {
    pub(crate) from: OnceLock<Instant>,
    pub(crate) until: OnceLock<Instant>,
}

/// A change that the application was asked for.
struct Done {
    what: What,
    /// When it was acknowledged; `None`: it never was, and may have happened or not.
    acknowledged: Option<Instant>,
}

enum What {
    Note(String),
    Hit,
    Tally,
    /// With a browser that still has the token.
    LogOut(Client),
}

/// See the module.
pub(crate) struct User {
    name: String,
    client: Client,
    done: Vec<Done>,
    steps: usize,
    excused: Arc<Excused>,
}

impl User {
    /// Logs in, before anything goes wrong.
    pub(crate) async fn log_in(
        name: String,
        client: Client,
        excused: Arc<Excused>,
    ) -> Result<Self, Wrong> {
        let mut user = Self { name, client, done: Vec::new(), steps: 0, excused };
        let start = [format!("/login/{}", user.name), format!("/theme/{}", user.name)];
        for path in start {
            let reply = user.client.post(&path).await;
            user.good(&path, &reply)?.ok_or_else(|| format!("{path}: nothing is wrong yet"))?;
        }
        if user.hit().await? { Ok(user) } else { Err("/hit: nothing is wrong yet".to_owned()) }
    }

    /// One request more; whether the application was able to do it.
    pub(crate) async fn step(&mut self) -> Result<bool, Wrong> {
        self.steps += 1;
        let started = Instant::now();
        let able = match self.steps % 8 {
            0 => self.note().await?,
            1 | 5 => self.show().await?,
            2 => self.hit().await?,
            3 => self.hits().await?,
            4 => self.tally().await?,
            6 => self.visit().await?,
            _ => self.knock().await?,
        };
        let took = started.elapsed();
        // A visit takes three requests.
        if took > LONGEST * 3 { Err(format!("a step took {took:?}")) } else { Ok(able) }
    }

    /// Checks everything once more, when nothing is wrong any more.
    pub(crate) async fn check(&mut self) -> Result<(), Wrong> {
        let able = self.show().await? && self.hits().await?;
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

    async fn hit(&mut self) -> Result<bool, Wrong> {
        self.change("/hit", What::Hit).await
    }

    async fn tally(&mut self) -> Result<bool, Wrong> {
        self.change("/tally", What::Tally).await
    }

    /// Asks for a change, and remembers what became of it.
    async fn change(&mut self, path: &str, what: What) -> Result<bool, Wrong> {
        let reply = self.client.post(path).await;
        let able = self.good(path, &reply)?.is_some();
        self.done.push(Done { what, acknowledged: able.then(Instant::now) });
        Ok(able)
    }

    async fn show(&self) -> Result<bool, Wrong> {
        let reply = self.client.get("/show").await;
        let Some(body) = self.good("/show", &reply)? else { return Ok(false) };
        let shown: Shown = serde_json::from_str(body).map_err(|error| error.to_string())?;
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
        let reply = self.client.get("/hits").await;
        let Some(body) = self.good("/hits", &reply)? else { return Ok(false) };
        let allowed = self.range(|what| matches!(what, What::Hit));
        match body.parse() {
            Ok(hits) if allowed.contains(&hits) => Ok(true),
            _ => Err(format!("{}: {body} hits, not {allowed:?}", self.name)),
        }
    }

    /// Logs in at another browser, looks around, and logs out.
    async fn visit(&mut self) -> Result<bool, Wrong> {
        let (browser, name) = (self.client.blank(), format!("visitor-of-{}", self.name));
        let path = format!("/login/{name}");
        let reply = browser.post(&path).await;
        let logged_in = Instant::now();
        if self.good(&path, &reply)?.is_none() {
            return Ok(false);
        }
        let reply = browser.get("/user").await;
        let lost = reply.status == StatusCode::UNAUTHORIZED && self.is_excused(logged_in);
        if lost {
            return Ok(true);
        }
        match self.good("/user", &reply)? {
            None => return Ok(false),
            Some(user) if user == name => {}
            Some(user) => return Err(format!("{name}: is {user}")),
        }
        let ended = browser.fork();
        let reply = browser.post("/logout").await;
        let able = self.good("/logout", &reply)?.is_some();
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
        let reply = ended.fork().get("/user").await;
        match reply.status {
            StatusCode::UNAUTHORIZED => Ok(true),
            StatusCode::SERVICE_UNAVAILABLE => Ok(false),
            StatusCode::OK if !self.is_certain(done) => Ok(true),
            other => Err(format!("{}: a session that was ended: {other}", self.name)),
        }
    }

    /// The body of an answer, or nothing if the application was not able to; anything else is
    /// wrong.
    fn good<'a>(&self, path: &str, reply: &'a Reply) -> Result<Option<&'a str>, Wrong> {
        match reply.status {
            StatusCode::OK => Ok(Some(&reply.body)),
            StatusCode::SERVICE_UNAVAILABLE => Ok(None),
            other => Err(format!("{}: {path}: {other} {}", self.name, reply.body)),
        }
    }

    /// How often a change may have happened.
    fn range(&self, kind: impl Fn(&What) -> bool) -> std::ops::RangeInclusive<usize> {
        let of_kind = || self.done.iter().filter(|done| kind(&done.what));
        of_kind().filter(|done| self.is_certain(done)).count()..=of_kind().count()
    }

    fn is_certain(&self, done: &Done) -> bool {
        done.acknowledged.is_some_and(|at| !self.is_excused(at))
    }

    fn is_excused(&self, at: Instant) -> bool {
        let is_after = self.excused.from.get().is_some_and(|from| at >= *from);
        is_after && self.excused.until.get().is_none_or(|until| at <= *until)
    }
}
