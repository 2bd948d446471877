//! A connection that keeps itself alive.

use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::ClientLike;
use tokio::task::JoinHandle;

use crate::server::COMMAND;
use crate::{BadServer, Server};

/// Between two signs of life on a connection that is not used.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The way to one Redis; ends when it is dropped.
pub struct Link {
    client: Client,
    tasks: [JoinHandle<()>; 2],
}

impl Link {
    /// Starts to connect and returns at once; a server that is away is tried again for ever. `purpose` names it in logs. Must
    /// be called inside a runtime.
    ///
    /// # Errors
    /// [`BadServer`] when the settings can never work.
    pub fn open(server: &Server, purpose: &'static str) -> Result<Self, BadServer> {
        if server.tls.as_ref().is_some_and(|tls| !tls.verify) {
            tracing::warn!("the certificate of {purpose} is not verified (rejectUnauthorized=false)");
        }
        let client = server.builder()?.build().map_err(|error| BadServer::Client(error.into()))?;
        let connection = client.connect();
        let connected = tokio::spawn(async move {
            match connection.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the client of {purpose} has stopped"),
                Err(_) => tracing::debug!("the client of {purpose} was dropped"),
            }
        });
        let heart = client.clone();
        let heartbeat = tokio::spawn(async move {
            loop {
                tokio::time::sleep(HEARTBEAT).await;
                if heart.is_connected() {
                    // The answer does not matter here: an owed one closes the connection, and the client reconnects.
                    let _ = heart.ping::<()>(None).await;
                }
            }
        });
        Ok(Self { client, tasks: [connected, heartbeat] })
    }

    /// The client, for adapters that keep it to themselves.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the server answers a ping now, within two seconds.
    pub async fn answers(&self) -> bool {
        tokio::time::timeout(COMMAND, self.client.ping::<()>(None)).await.is_ok_and(|answer| answer.is_ok())
    }

    /// Says good-bye to the server, waiting at most two seconds.
    pub async fn close(&self) {
        let _ = tokio::time::timeout(COMMAND, self.client.quit()).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
