//! Hearing what others publish, on a connection of its own. This file owns how the connection is found
//! to be broken.

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::time::timeout;

use super::builder::ACQUIRE_TIMEOUT;
use crate::store::feed::{Heard, PATIENCE, SILENCE};

/// Passes on what is published on a channel, until the connection breaks.
pub(super) async fn listen(pool: PgPool, channel: String, heard: Heard) -> Result<(), sqlx::Error> {
    // One of its own: requests need each of the others.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with((*pool.connect_options()).clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(&channel).await?;
    heard.connected();
    loop {
        let Ok(notice) = timeout(SILENCE, listener.try_recv()).await else {
            // A server that vanished gives no answer.
            let answer = sqlx::query("SELECT 1").execute(&mut listener);
            timeout(PATIENCE, answer).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
            continue;
        };
        match notice? {
            Some(notice) => heard.heard(notice.payload()),
            // The connection is lost, and notices with it.
            None => return Ok(()),
        }
    }
}
