//! Hearing what others publish on a channel, on a connection of its own, for as long as somebody
//! watches. This file owns when that connection is made again.

use std::sync::Arc;

use redis::{FromRedisValue as _, PushInfo, PushKind, RedisResult, aio::SendError};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::Connection;
use crate::store::feed::{Heard, PAUSE, SILENCE};

impl Connection {
    /// Passes on what is published on a channel, until this is dropped. After a break, tries again for
    /// ever: a watcher that asks the store from time to time misses nothing but speed.
    pub(in super::super) async fn listen(self, channel: String, heard: Heard) {
        loop {
            // An error is one of connecting, or a right that is missing.
            let _ = self.listen_once(&channel, &heard).await;
            heard.lost();
            sleep(PAUSE).await;
        }
    }

    async fn listen_once(&self, channel: &str, heard: &Heard) -> RedisResult<()> {
        let gone = Arc::new(Notify::new());
        let on_push = {
            let (gone, heard) = (Arc::clone(&gone), heard.clone());
            move |push: PushInfo| -> Result<(), SendError> {
                match push.kind {
                    PushKind::Disconnection => gone.notify_one(),
                    PushKind::Message => {
                        // The channel, and what was published there.
                        let text = push.data.into_iter().nth(1);
                        if let Some(Ok(text)) = text.map(String::from_redis_value) {
                            heard.heard(&text);
                        }
                    }
                    _ => {}
                }
                Ok(())
            }
        };
        let mut connection = self.0.listener.lock().await.listen(on_push).await?;
        connection.subscribe(channel).await?;
        heard.connected();
        while timeout(SILENCE, gone.notified()).await.is_err() {
            // Asks for what is there already, so that no other right is needed: a server that
            // vanished gives no answer.
            connection.subscribe(channel).await?;
        }
        Ok(())
    }
}
