//! A connection that keeps itself alive.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, ClusterInterface as _, EventInterface as _};
use fred::types::config::{Options, Server as Node};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::{JoinHandle, JoinSet};

use crate::server::{COMMAND, UNRESPONSIVE};
use crate::{BadServer, Server};

/// Between two signs of life on every connection.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often a call that was not executed is sent to another node of a cluster.
const REDIRECTIONS: u32 = 2;

/// The way to one Redis, or to all primaries of a cluster; ends when it is dropped.
pub struct Link {
    line: Arc<Line>,
    watch: JoinHandle<()>,
}

struct Line {
    server: Server,
    purpose: &'static str,
    current: RwLock<Current>,
}

struct Current {
    client: Client,
    connection: JoinHandle<()>,
    fault: Fault,
}

/// Why there was no connection last, and none since; never in the words of the server, which may repeat what it was told (I11).
#[derive(Clone, Default)]
struct Fault(Arc<Mutex<Option<&'static str>>>);

impl Fault {
    fn now(&self) -> Option<&'static str> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, fault: Option<&'static str>) -> bool {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, fault) != fault
    }

    /// Listens until there is nothing more to hear. Each fault is told once until there was a connection in between.
    fn listen(self, client: &Client, purpose: &'static str) -> impl Future<Output = ()> + Send + use<> {
        let (errors, connections) = (client.error_rx(), client.reconnect_rx());
        self.hear(errors, connections, purpose)
    }

    async fn hear(
        self,
        mut errors: Receiver<(Error, Option<Node>)>,
        mut connections: Receiver<Node>,
        purpose: &'static str,
    ) {
        loop {
            tokio::select! {
                connected = connections.recv() => match connected {
                    Ok(_) | Err(RecvError::Lagged(_)) => drop(self.set(None)),
                    Err(RecvError::Closed) => return,
                },
                error = errors.recv() => match error {
                    Ok((error, _)) => {
                        let fault = category(&error);
                        if self.set(Some(fault)) {
                            tracing::warn!("{purpose} is not reached: {fault}");
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }
}

fn category(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Auth => "it refuses the user or the password",
        ErrorKind::IO | ErrorKind::Canceled => "no connection",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Tls => "TLS could not be agreed on",
        ErrorKind::Protocol | ErrorKind::Parse => "it does not speak the protocol",
        ErrorKind::Cluster | ErrorKind::Routing => "no node of the cluster is responsible",
        _ => "it refuses a command",
    }
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
        let current = RwLock::new(Current::connect(server, &[], purpose)?);
        let line = Arc::new(Line { server: server.clone(), purpose, current });
        let watched = Arc::clone(&line);
        let watch = tokio::spawn(async move {
            loop {
                tokio::time::sleep(HEARTBEAT).await;
                watched.look().await;
            }
        });
        Ok(Self { line, watch })
    }

    /// The client as it is now, for adapters that keep it to themselves for one call.
    pub fn client(&self) -> Client {
        self.line.client()
    }

    /// The client for a call that nobody waits for longer than `within`.
    ///
    /// A call whose connection breaks fails at once, since nobody knows whether it was executed: with `fail_fast` the attempts
    /// are spent on redirections alone, each of which says that the call was not executed where it was sent.
    pub(crate) fn quick(&self, within: Duration) -> WithOptions<Client> {
        self.client().with_options(&Options {
            fail_fast: true,
            max_attempts: Some(1 + REDIRECTIONS),
            max_redirections: Some(REDIRECTIONS),
            timeout: Some(within),
            ..Options::default()
        })
    }

    /// Waits for a connection that is being made, at most `limit`.
    ///
    /// # Errors
    /// There is none.
    pub async fn connected(&self, limit: Duration) -> Result<(), Error> {
        let client = self.client();
        if client.is_connected() {
            return Ok(());
        }
        let unconnected = || Error::new(ErrorKind::NotFound, "not connected");
        tokio::time::timeout(limit, client.wait_for_connect()).await.unwrap_or_else(|_| Err(unconnected()))
    }

    /// Whether the server answers a ping now, any primary of a cluster, within two seconds.
    pub async fn answers(&self) -> bool {
        tokio::time::timeout(COMMAND, self.client().ping::<()>(None)).await.is_ok_and(|answer| answer.is_ok())
    }

    /// Why there is no connection, as a category without address or credential; none while there is one, or none was ever missed.
    pub fn fault(&self) -> Option<&'static str> {
        self.line.current.read().unwrap_or_else(PoisonError::into_inner).fault.now()
    }

    /// Says good-bye to the server, waiting at most two seconds.
    pub async fn close(&self) {
        self.watch.abort();
        let _ = tokio::time::timeout(COMMAND, self.client().quit()).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.watch.abort();
        self.line.current.read().unwrap_or_else(PoisonError::into_inner).connection.abort();
    }
}

impl Line {
    fn client(&self) -> Client {
        self.current.read().unwrap_or_else(PoisonError::into_inner).client.clone()
    }

    /// Gives a sign of life on every connection, and starts afresh when one does not answer.
    ///
    /// A server that stands still, or whose machine is gone, never closes its connections, and the client's own watch forgets
    /// the answers it is owed with every command it writes. So a busy client would talk for ever to a primary that its
    /// cluster has long replaced.
    async fn look(&self) {
        let client = self.client();
        let ended = self.current.read().unwrap_or_else(PoisonError::into_inner).connection.is_finished();
        // While it connects, every step of it has its limit.
        if !ended && (!client.is_connected() || all_answer(&client).await) {
            return;
        }
        let known = client.cached_cluster_state().map(|state| state.unique_primary_nodes()).unwrap_or_default();
        match Current::connect(&self.server, &known, self.purpose) {
            Ok(fresh) => {
                tracing::warn!("{} does not answer; connecting anew", self.purpose);
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                let old = std::mem::replace(&mut *current, fresh);
                // Calls on their way fail with it.
                old.connection.abort();
            }
            Err(error) => tracing::error!(%error, "the client of {} cannot be built", self.purpose),
        }
    }
}

impl Current {
    fn connect(server: &Server, known: &[Node], purpose: &'static str) -> Result<Self, BadServer> {
        let client = server.builder_among(known)?.build().map_err(|error| BadServer::Client(error.into()))?;
        let fault = Fault::default();
        // Before it connects, so that nothing is missed.
        let listening = fault.clone().listen(&client, purpose);
        let connecting = client.connect();
        let stop = AbortOnDrop(connecting.abort_handle());
        let connection = tokio::spawn(async move {
            let _stop = stop;
            let mut connecting = std::pin::pin!(connecting);
            let ended = tokio::select! {
                ended = &mut connecting => ended,
                // A client that says good-bye is heard no more before it has gone.
                () = listening => connecting.await,
            };
            match ended {
                Ok(Ok(())) => {}
                // In our words: a server may repeat what it was told.
                Ok(Err(error)) => tracing::error!("the client of {purpose} has stopped: {}", category(&error)),
                Err(_) => tracing::debug!("the client of {purpose} was dropped"),
            }
        });
        Ok(Self { client, connection, fault })
    }
}

/// The client's own task would outlive the one that waits for it.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether no connection stays silent; a refusal is an answer.
async fn all_answer(client: &Client) -> bool {
    let nodes = client.cached_cluster_state().map(|state| state.unique_primary_nodes()).unwrap_or_default();
    let targets = if nodes.is_empty() { vec![None] } else { nodes.into_iter().map(Some).collect() };
    let mut pings = JoinSet::new();
    for cluster_node in targets {
        let options = Options {
            cluster_node,
            fail_fast: true,
            max_attempts: Some(1),
            timeout: Some(UNRESPONSIVE),
            ..Options::default()
        };
        let client = client.with_options(&options);
        pings.spawn(async move { client.ping::<()>(None).await });
    }
    let answers = pings.join_all().await;
    !answers.iter().any(|answer| answer.as_ref().is_err_and(|error| *error.kind() == ErrorKind::Timeout))
}
