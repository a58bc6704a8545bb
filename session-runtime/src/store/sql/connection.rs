//! A connection in use: one statement after the other, transactions, and the clean-up after a
//! request that was cancelled. It knows no statement.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, pool::PoolConnection};

use super::{
    dialect::Dialect,
    driver,
    error::Fault,
    statement::{Answer, Statement},
};

/// The time that a server gets to say that it has given up a statement, beyond the limit that the
/// server has for statements.
const SLACK: Duration = Duration::from_secs(1);

/// A connection of a pool, with the statement that is under way on it.
///
/// A request may be cancelled at any point. The server still answers the statement that the request
/// has sent, and the answer must not reach another request. So the statement runs on in a task of
/// its own, a transaction is rolled back, and only then does the connection go back to its pool.
///
/// A server works on a statement whether or not the connection is closed. So the connection is closed,
/// and its place in the pool given to another one, only after the time in which the server surely has
/// given up; or if the state of the connection is unknown. Thus the server never works for more
/// connections than the pool may have, and most cancelled requests cost no new connection.
pub(super) struct Connection {
    /// The pool's connection; `None` while a statement is under way.
    checked_out: Option<CheckedOut>,
}

/// The pool's connection. Dropping it gives it back to the pool, or closes it if something is under
/// way.
struct CheckedOut {
    open: Open,
    dialect: &'static dyn Dialect,
    /// The time after which the server has given up a statement.
    limit: Duration,
    /// The statement that begins a transaction around each statement, if there has to be one.
    around: Option<Arc<str>>,
    /// True within a statement or a transaction, and if the connection is to be closed.
    is_under_way: bool,
    in_transaction: bool,
}

pub(super) enum Open {
    #[cfg(feature = "postgres")]
    Postgres(PoolConnection<sqlx::Postgres>),
    #[cfg(feature = "mysql")]
    MySql(PoolConnection<sqlx::MySql>),
    #[cfg(feature = "sqlite")]
    Sqlite(PoolConnection<sqlx::Sqlite>),
}

/// A piece of work for the connection: a statement with binds, or plain text.
enum Work {
    Statement(Statement),
    /// By this statement, or else the dialect's.
    Begin(Option<Arc<str>>),
    Commit,
    RollBack,
    Text(String),
}

impl Connection {
    /// `limit` is the server's limit on the time of a statement.
    pub(super) fn new(
        open: Open,
        dialect: &'static dyn Dialect,
        limit: Duration,
        around: Option<Arc<str>>,
    ) -> Self {
        let (is_under_way, in_transaction) = (false, false);
        let checked_out = CheckedOut { open, dialect, limit, around, is_under_way, in_transaction };
        Self { checked_out: Some(checked_out) }
    }

    /// Runs one statement.
    pub(super) async fn run(&mut self, statement: &Statement) -> Result<Answer, Fault> {
        let around = match &self.checked_out {
            Some(checked_out) if !checked_out.in_transaction => checked_out.around.clone(),
            _ => None,
        };
        let Some(begin) = around else {
            return self.work(Work::Statement(statement.clone())).await;
        };
        self.work(Work::Begin(Some(begin))).await?;
        let answer = self.work(Work::Statement(statement.clone())).await?;
        self.work(Work::Commit).await?;
        Ok(answer)
    }

    /// Begins a transaction that writes.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        expect(dead_code, reason = "MySQL and MariaDB cannot roll back a change of the schema")
    )]
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        self.work(Work::Begin(None)).await.map(drop)
    }

    /// Commits the transaction.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "sqlite")),
        expect(dead_code, reason = "MySQL and MariaDB cannot roll back a change of the schema")
    )]
    pub(super) async fn commit(&mut self) -> Result<(), Fault> {
        self.work(Work::Commit).await.map(drop)
    }

    /// Runs a statement without binds and rows, such as one that creates a table.
    pub(super) async fn change_schema(&mut self, text: &str) -> Result<(), Fault> {
        self.work(Work::Text(text.to_owned())).await.map(drop)
    }

    /// Has the connection closed after its use: it gets a lock, or settings of its own.
    #[cfg(feature = "mysql")]
    pub(super) fn close_after_use(&mut self) {
        if let Some(checked_out) = &mut self.checked_out {
            checked_out.is_under_way = true;
        }
    }

    async fn work(&mut self, work: Work) -> Result<Answer, Fault> {
        let checked_out = self.checked_out.take().ok_or(sqlx::Error::PoolClosed)?;
        let end = Instant::now() + checked_out.limit + SLACK;
        let running: Running = Box::pin(checked_out.run(work));
        let (checked_out, answer) = UnderWay { running: Some(running), end }.await;
        self.checked_out = Some(checked_out);
        Ok(answer?)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The request ended between two statements of a transaction, by an error or cancelled.
        if let Some(checked_out) =
            self.checked_out.take().filter(|checked_out| checked_out.in_transaction)
        {
            go_on(SLACK, checked_out.undo());
        }
    }
}

impl CheckedOut {
    async fn run(mut self, work: Work) -> (Self, Result<Answer, sqlx::Error>) {
        let was_under_way = std::mem::replace(&mut self.is_under_way, true);
        self.in_transaction |= matches!(work, Work::Begin(_));
        // Under a name, unless the next connection of the server may know another one by that name.
        let is_named = self.around.is_none();
        let answer = match &work {
            Work::Statement(statement) => match &mut self.open {
                #[cfg(feature = "postgres")]
                Open::Postgres(connection) => {
                    driver::run_postgres(connection, statement, is_named).await
                }
                #[cfg(feature = "mysql")]
                Open::MySql(connection) => driver::run_mysql(connection, statement, is_named).await,
                #[cfg(feature = "sqlite")]
                Open::Sqlite(connection) => {
                    driver::run_sqlite(connection, statement, is_named).await
                }
            },
            Work::Begin(Some(begin)) => self.text(begin).await,
            Work::Begin(None) => self.text(self.dialect.begin()).await,
            Work::Commit => self.text("COMMIT").await,
            Work::RollBack => self.text("ROLLBACK").await,
            Work::Text(text) => self.text(text).await,
        };
        let is_usable = match &answer {
            Ok(_) => true,
            Err(sqlx::Error::Database(error)) => {
                !self.dialect.meaning(error.as_ref()).closes_the_connection()
            }
            // The state of the connection is unknown.
            Err(_) => false,
        };
        if answer.is_ok() && matches!(work, Work::Commit | Work::RollBack) {
            (self.in_transaction, self.is_under_way) = (false, false);
        } else if is_usable {
            self.is_under_way = was_under_way || self.in_transaction;
        }
        (self, answer)
    }

    async fn text(&mut self, text: &str) -> Result<Answer, sqlx::Error> {
        let text = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
        match &mut self.open {
            #[cfg(feature = "postgres")]
            Open::Postgres(connection) => text.execute(&mut **connection).await.map(drop)?,
            #[cfg(feature = "mysql")]
            Open::MySql(connection) => text.execute(&mut **connection).await.map(drop)?,
            #[cfg(feature = "sqlite")]
            Open::Sqlite(connection) => text.execute(&mut **connection).await.map(drop)?,
        }
        Ok(Answer { rows: Vec::new(), affected: 0, last_id: 0 })
    }

    async fn undo(self) {
        if self.in_transaction {
            drop(self.run(Work::RollBack).await);
        }
    }
}

impl Drop for CheckedOut {
    fn drop(&mut self) {
        if !self.is_under_way {
            return;
        }
        match &mut self.open {
            #[cfg(feature = "postgres")]
            Open::Postgres(connection) => connection.close_on_drop(),
            #[cfg(feature = "mysql")]
            Open::MySql(connection) => connection.close_on_drop(),
            #[cfg(feature = "sqlite")]
            Open::Sqlite(connection) => connection.close_on_drop(),
        }
    }
}

type Running = Pin<Box<dyn Future<Output = (CheckedOut, Result<Answer, sqlx::Error>)> + Send>>;

/// Work that is under way. If it is dropped, it runs on in a task of its own, until `end` at the latest.
struct UnderWay {
    running: Option<Running>,
    end: Instant,
}

impl Future for UnderWay {
    type Output = (CheckedOut, Result<Answer, sqlx::Error>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(running) = &mut self.running else { return Poll::Pending };
        let answer = running.as_mut().poll(context);
        if answer.is_ready() {
            self.running = None;
        }
        answer
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            // Since it is not known when the server began, a little time at least.
            let left = self.end.saturating_duration_since(Instant::now()).max(SLACK);
            go_on(left, async move {
                let (checked_out, _) = running.await;
                checked_out.undo().await;
            });
        }
    }
}

/// Runs work on that nobody waits for. Without a runtime, or if the work takes too long, it is
/// dropped, which closes its connection.
fn go_on(limit: Duration, rest: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(tokio::time::timeout(limit, rest));
    }
}
