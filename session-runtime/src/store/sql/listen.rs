//! Hearing what others publish, on a connection of its own, for as long as somebody watches. This file
//! owns when that connection is made again.

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::time::{sleep, timeout};

use super::builder::ACQUIRE_TIMEOUT;
use crate::store::feed::{Heard, PATIENCE, PAUSE, SILENCE};

/// Passes on what is published on a channel, until this is dropped. After a break, tries again for
/// ever: a watcher that asks the store from time to time misses nothing but speed.
pub(super) async fn listen(pool: PgPool, channel: String, heard: Heard) {
    loop {
        // An error is one of connecting.
        let _ = listen_once(&pool, &channel, &heard).await;
        heard.lost();
        sleep(PAUSE).await;
    }
}

async fn listen_once(pool: &PgPool, channel: &str, heard: &Heard) -> Result<(), sqlx::Error> {
    // One of its own: requests need each of the others.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with((*pool.connect_options()).clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(channel).await?;
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
