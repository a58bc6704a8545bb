//! Hearing what others publish on a channel, on a connection of its own. This file owns how the
//! connection is found to be broken.

use std::sync::Arc;

use redis::{FromRedisValue as _, PushInfo, PushKind, RedisResult, aio::SendError};
use tokio::{sync::Notify, time::timeout};

use super::Connection;
use crate::store::feed::{Heard, SILENCE};

impl Connection {
    /// Passes on what is published on a channel, until the connection breaks.
    pub(in super::super) async fn listen(self, channel: String, heard: Heard) -> RedisResult<()> {
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
        connection.subscribe(&channel).await?;
        heard.connected();
        while timeout(SILENCE, gone.notified()).await.is_err() {
            // Asks for what is there already, so that no other right is needed: a server that
            // vanished gives no answer.
            connection.subscribe(&channel).await?;
        }
        Ok(())
    }
}
