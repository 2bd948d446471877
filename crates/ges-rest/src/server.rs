//! Serving a router on a socket: bounded connections, bounded headers, and an end in good order (integrations 8.4).

use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::door::Door;
use crate::health::Health;
use crate::visitor::Peer;

/// Limits of one socket.
#[derive(Debug, Clone)]
pub struct ServeLimits {
    /// Most connections at a time; more wait in the system's queue.
    pub connections: usize,
    /// Longest time until a request's headers are there; also how long an idle connection is kept. Longer than the idle
    /// time of proxies in front, so that they close first.
    pub headers_within: Duration,
    /// How long to go on accepting after the order to stop, so that nobody is sent here any more when the socket closes.
    pub linger: Duration,
    /// How long running requests may take after that.
    pub drain_within: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            headers_within: Duration::from_secs(75),
            linger: Duration::from_secs(10),
            drain_within: Duration::from_secs(30),
        }
    }
}

/// Rest after a failed accept, such as no free file descriptor.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves until `stop`: readiness goes first, then the socket after [`ServeLimits::linger`], then each connection after its
/// running request, then the rest of `tasks`, which outlive their callers. Returns whether everything ended in time.
/// Behind a door that never opened nobody lingers: such a process was never ready.
pub async fn serve(
    listener: TcpListener,
    door: impl Into<Door>,
    limits: ServeLimits,
    tasks: TaskTracker,
    health: Health,
    stop: CancellationToken,
) -> bool {
    let door = door.into();
    let connections = TaskTracker::new();
    let (hang_up, abort) = (CancellationToken::new(), CancellationToken::new());
    let lingered = async {
        stop.cancelled().await;
        health.drain();
        if door.is_open() {
            tokio::time::sleep(limits.linger).await;
        }
    };
    let accepting = accept(&listener, &door, &limits, &connections, &hang_up, &abort);
    tokio::select! {
        () = lingered => {}
        () = accepting => {}
    }
    drop(listener);
    hang_up.cancel();
    connections.close();
    tasks.close();
    let done = tokio::time::timeout(limits.drain_within, async {
        connections.wait().await;
        tasks.wait().await;
    });
    let in_time = done.await.is_ok();
    if !in_time {
        tracing::warn!(connections = connections.len(), tasks = tasks.len(), "requests were cut off by the end");
    }
    abort.cancel();
    in_time
}

/// Never returns.
async fn accept(
    listener: &TcpListener,
    door: &Door,
    limits: &ServeLimits,
    connections: &TaskTracker,
    hang_up: &CancellationToken,
    abort: &CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("invariant: nobody closes the semaphore");
        match listener.accept().await {
            Ok((stream, peer)) => {
                let one = connection(stream, Peer(peer.ip()), door.clone(), limits.headers_within, hang_up.clone());
                let abort = abort.clone();
                connections.spawn(async move {
                    let _: Option<()> = abort.run_until_cancelled(one).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: Peer, door: Door, headers_within: Duration, hang_up: CancellationToken) {
    // Answers are small and complete; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let service = tower::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        door.router().oneshot(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(headers_within)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = hang_up.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
