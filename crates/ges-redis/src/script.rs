//! Scripts that work on one key.

use std::time::Duration;

use fred::error::{Error, ErrorKind};
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, FromValue, Value};
use tokio::time::{Instant, timeout_at};

use crate::Link;

/// Rest before a call that no node took is sent again: nobody has executed it.
const SETTLING: Duration = Duration::from_millis(20);

/// A script and how it may be run.
#[derive(Clone, Copy)]
pub(crate) struct Script {
    pub(crate) text: &'static str,
    /// Longest time of a call, repeats included.
    pub(crate) within: Duration,
    /// How long a call waits for a connection that is being made, when there is none as it begins.
    pub(crate) connection: Duration,
    /// Whether running it twice comes to the same as once, the answer too. A call that was on its way when its connection
    /// broke is then repeated once (integrations 8.5).
    pub(crate) repeatable: bool,
}

impl Link {
    /// Runs a script on `key`, on whichever node of a cluster serves it.
    ///
    /// # Errors
    /// No answer in time, or a refusal; soon while there is no connection.
    pub(crate) async fn run<T: FromValue>(&self, script: Script, key: &str, arguments: &[Value]) -> Result<T, Error> {
        let until = Instant::now() + script.within;
        let mut first = self.run_once(script, key, arguments, script.within).await;
        while matches!(&first, Err(error) if was_sent_around(error)) && Instant::now() + SETTLING < until {
            tokio::time::sleep(SETTLING).await;
            first = self.run_once(script, key, arguments, until.saturating_duration_since(Instant::now())).await;
        }
        match first {
            Err(error) if script.repeatable && was_lost(&error) => {
                tracing::debug!(%error, "a call was lost on its way to Redis and is repeated");
                let again = async {
                    self.connected(script.within).await?;
                    self.run_once(script, key, arguments, until.saturating_duration_since(Instant::now())).await
                };
                timeout_at(until, again).await.unwrap_or(Err(error))
            }
            answer => answer,
        }
    }

    async fn run_once<T: FromValue>(
        &self,
        script: Script,
        key: &str,
        arguments: &[Value],
        within: Duration,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        self.connected(script.connection.min(within)).await?;
        let within = within.saturating_sub(begun.elapsed());
        // By itself the client would take the first text among the arguments for the key, which is the script.
        let command = CustomCommand::new_static("EVAL", ClusterHash::from(key), false);
        let mut all = vec![Value::from_static_str(script.text), Value::Integer(1), key.to_owned().into()];
        all.extend_from_slice(arguments);
        self.quick(within).custom::<T, Value>(command, all).await
    }
}

/// Whether no node took it: while nodes hear of a hand-over one after the other, some send a call back where it came from.
fn was_sent_around(error: &Error) -> bool {
    *error.kind() == ErrorKind::Routing
}

/// Whether the connection broke, or the server said that it was no longer, or not yet, the one to ask.
fn was_lost(error: &Error) -> bool {
    let refused = ["READONLY", "LOADING", "MASTERDOWN"].iter().any(|word| error.details().starts_with(word));
    let unsent = error.details() == "Too many failed write attempts.";
    refused || unsent || matches!(error.kind(), ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Cluster)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_lost_is_not_repeated() {
        let repeated = |kind, details: &'static str| was_lost(&Error::new(kind, details));
        assert!(repeated(ErrorKind::IO, "Connection closed."));
        assert!(repeated(ErrorKind::Canceled, "Canceled."), "the client was replaced");
        assert!(repeated(ErrorKind::Cluster, "CLUSTERDOWN The cluster is down"));
        assert!(repeated(ErrorKind::Unknown, "READONLY You can't write against a read only replica."));
        assert!(repeated(ErrorKind::Unknown, "Too many failed write attempts."));
        assert!(!repeated(ErrorKind::Timeout, "Request timed out."), "there is no time left");
        assert!(!repeated(ErrorKind::NotFound, "not connected"), "nobody waits for a connection");
        assert!(!repeated(
            ErrorKind::Unknown,
            "ERR user_script:1: Script attempted to access nonexistent global variable"
        ));
    }
}
