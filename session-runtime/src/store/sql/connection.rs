//! A connection in use: one statement after the other, transactions, and what becomes of it when
//! the request that uses it is given up. It knows no statement.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use sqlx::{AssertSqlSafe, pool::PoolConnection};

use super::{
    dialect::Dialect,
    driver,
    error::Fault,
    statement::{Answer, Statement},
};

/// How long a statement that nobody waits for any more may take to end before its connection is
/// closed.
const PATIENCE: Duration = Duration::from_secs(1);

/// A connection of a pool, with what is under way on it.
///
/// A request may be given up at any point. What it has sent is then answered all the same, and the
/// answer must reach nobody else: the statement goes on in a task of its own, a transaction is
/// undone, and only then the connection goes back to its pool. If that takes too long, or if it is
/// not known what is under way, it is closed. So requests that clients give up cost no new
/// connections.
pub(super) struct Connection {
    /// There unless a statement is under way.
    checked_out: Option<CheckedOut>,
}

/// The connection itself. It goes back to its pool when it is dropped, unless something is under
/// way: then it is closed.
struct CheckedOut {
    open: Open,
    dialect: &'static dyn Dialect,
    /// Within a statement, or holding a transaction or a lock.
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

/// What is run: a statement with binds, or text as it is.
enum Work {
    Statement(Statement),
    Begin,
    Commit,
    RollBack,
    Text(String),
}

impl Connection {
    pub(super) fn new(open: Open, dialect: &'static dyn Dialect) -> Self {
        let checked_out = CheckedOut { open, dialect, is_under_way: false, in_transaction: false };
        Self { checked_out: Some(checked_out) }
    }

    /// Runs one statement.
    pub(super) async fn run(&mut self, statement: &Statement) -> Result<Answer, Fault> {
        self.work(Work::Statement(statement.clone())).await
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        self.work(Work::Begin).await.map(drop)
    }

    /// Ends a transaction.
    pub(super) async fn commit(&mut self) -> Result<(), Fault> {
        self.work(Work::Commit).await.map(drop)
    }

    /// Undoes a transaction. It would be undone anyhow; this keeps the connection.
    pub(super) async fn roll_back(&mut self) {
        // An error closes it.
        let _ = self.work(Work::RollBack).await;
    }

    /// Runs a statement that binds nothing and answers nothing, such as one that creates a table.
    pub(super) async fn change_schema(&mut self, text: &str) -> Result<(), Fault> {
        self.work(Work::Text(text.to_owned())).await.map(drop)
    }

    /// Says that the connection has a lock until it is closed, or not any more.
    #[cfg(feature = "mysql")]
    pub(super) fn hold(&mut self, holds: bool) {
        if let Some(checked_out) = &mut self.checked_out {
            checked_out.is_under_way = holds;
        }
    }

    async fn work(&mut self, work: Work) -> Result<Answer, Fault> {
        let checked_out = self.checked_out.take().ok_or(sqlx::Error::PoolClosed)?;
        let (checked_out, answer) = UnderWay(Some(Box::pin(checked_out.run(work)))).await;
        self.checked_out = Some(checked_out);
        Ok(answer?)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Between two statements of a transaction that an error has ended.
        if let Some(checked_out) =
            self.checked_out.take().filter(|checked_out| checked_out.in_transaction)
        {
            go_on(checked_out.undo());
        }
    }
}

impl CheckedOut {
    async fn run(mut self, work: Work) -> (Self, Result<Answer, sqlx::Error>) {
        let was_under_way = std::mem::replace(&mut self.is_under_way, true);
        self.in_transaction |= matches!(work, Work::Begin);
        let answer = match &work {
            Work::Statement(statement) => match &mut self.open {
                #[cfg(feature = "postgres")]
                Open::Postgres(connection) => driver::run_postgres(connection, statement).await,
                #[cfg(feature = "mysql")]
                Open::MySql(connection) => driver::run_mysql(connection, statement).await,
                #[cfg(feature = "sqlite")]
                Open::Sqlite(connection) => driver::run_sqlite(connection, statement).await,
            },
            Work::Begin => self.text(self.dialect.begin()).await,
            Work::Commit => self.text("COMMIT").await,
            Work::RollBack => self.text("ROLLBACK").await,
            Work::Text(text) => self.text(text).await,
        };
        if answer.is_ok() && matches!(work, Work::Commit | Work::RollBack) {
            (self.in_transaction, self.is_under_way) = (false, false);
        } else if matches!(answer, Ok(_) | Err(sqlx::Error::Database(_))) {
            self.is_under_way = was_under_way || self.in_transaction;
        }
        // After any other error it is not known what is under way.
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

/// Something that is under way. If nobody waits for it any more, it goes on by itself.
struct UnderWay(Option<Running>);

impl Future for UnderWay {
    type Output = (CheckedOut, Result<Answer, sqlx::Error>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(running) = &mut self.0 else { return Poll::Pending };
        let answer = running.as_mut().poll(context);
        if answer.is_ready() {
            self.0 = None;
        }
        answer
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            go_on(async move {
                let (checked_out, _) = running.await;
                checked_out.undo().await;
            });
        }
    }
}

/// Goes on with something that nobody waits for. Without a runtime, or if it takes too long, it is
/// dropped, and closes its connection.
fn go_on(rest: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(tokio::time::timeout(PATIENCE, rest));
    }
}
