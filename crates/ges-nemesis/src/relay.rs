//! A TCP relay between a program and its server: it delays, drips, falls silent, half-closes and resets.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

/// What happens to bytes on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weather {
    /// They pass.
    #[default]
    Clear,
    /// Every portion is held back this long.
    Slow(Duration),
    /// They pass a few at a time.
    Drip,
    /// Nothing passes, and nobody is told.
    Silent,
    /// New connections are refused with a reset; old ones go on.
    Refusing,
}

/// How connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Both sides see the end of the stream.
    Close,
    /// Both sides see a reset.
    Reset,
    /// The client sees the end of the stream, the server a connection that stays open.
    Half,
}

/// Bytes that pass at once in [`Weather::Drip`], and the rest after them.
const DROP_BYTES: usize = 48;
const DROP_REST: Duration = Duration::from_millis(1);
/// How long a half-closed connection is kept.
const HALF_OPEN: Duration = Duration::from_secs(10);

struct Shared {
    targets: Mutex<Vec<SocketAddr>>,
    turn: AtomicUsize,
    weather: watch::Sender<Weather>,
    cuts: broadcast::Sender<Cut>,
}

impl Shared {
    /// The next target, in turn.
    fn target(&self) -> Option<SocketAddr> {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (!targets.is_empty()).then(|| targets[turn % targets.len()])
    }

    fn targets(&self) -> usize {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// A listener on the loopback that passes connections on to its targets in turn, the next one when one refuses.
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Relay {
    /// Listens on a free port. Must be called inside a runtime.
    ///
    /// # Errors
    /// The system has no port.
    pub fn start(targets: &[u16]) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            targets: Mutex::default(),
            turn: AtomicUsize::new(0),
            weather: watch::Sender::new(Weather::Clear),
            cuts: broadcast::Sender::new(16),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        let relay = Self { port, shared, accepting };
        relay.aim(targets);
        Ok(relay)
    }

    /// Passes new connections on to these loopback ports.
    pub fn aim(&self, targets: &[u16]) {
        let targets = targets.iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).collect();
        *self.shared.targets.lock().unwrap_or_else(PoisonError::into_inner) = targets;
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on bytes travel in this weather, on old connections too.
    pub fn set(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Ends every connection there is.
    pub fn cut(&self, cut: Cut) {
        // Nobody listens when there is no connection.
        let _ = self.shared.cuts.send(cut);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut(Cut::Close);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(pass(client, shared.clone()))),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn reach(shared: &Shared) -> Option<TcpStream> {
    for _ in 0..shared.targets() {
        if let Ok(server) = TcpStream::connect(shared.target()?).await {
            return Some(server);
        }
    }
    None
}

async fn pass(client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    let refused = *shared.weather.borrow() == Weather::Refusing;
    let server = if refused { None } else { reach(&shared).await };
    let Some(server) = server else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let cut = {
        let up = pump(&mut from_client, &mut to_server, shared.weather.subscribe());
        let down = pump(&mut from_server, &mut to_client, shared.weather.subscribe());
        tokio::select! {
            _ = async { tokio::join!(up, down) } => return,
            cut = cuts.recv() => cut.unwrap_or(Cut::Close),
        }
    };
    match cut {
        Cut::Close => {}
        Cut::Reset => {
            let streams: [&TcpStream; 2] = [from_client.as_ref(), from_server.as_ref()];
            let _ = streams.map(TcpStream::set_zero_linger);
        }
        Cut::Half => {
            let _ = to_client.shutdown().await;
            let up = pump(&mut from_client, &mut to_server, shared.weather.subscribe());
            let _ = tokio::time::timeout(HALF_OPEN, up).await;
        }
    }
}

/// Passes bytes on until one side ends, and passes the end on too.
async fn pump(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, mut weather: watch::Receiver<Weather>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let now = *weather.borrow_and_update();
        let passed = match now {
            Weather::Clear | Weather::Refusing => to.write_all(&buffer[..read]).await,
            Weather::Slow(rest) => {
                tokio::time::sleep(rest).await;
                to.write_all(&buffer[..read]).await
            }
            Weather::Drip => drip(to, &buffer[..read]).await,
            Weather::Silent => {
                if weather.wait_for(|weather| *weather != Weather::Silent).await.is_err() {
                    return;
                }
                to.write_all(&buffer[..read]).await
            }
        };
        if passed.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

async fn drip(to: &mut OwnedWriteHalf, bytes: &[u8]) -> std::io::Result<()> {
    for drop in bytes.chunks(DROP_BYTES) {
        to.write_all(drop).await?;
        tokio::time::sleep(DROP_REST).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends everything back.
    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        port
    }

    async fn ask(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
        stream.write_all(b"hello").await?;
        let mut answer = vec![0; 5];
        let asked = tokio::time::timeout(Duration::from_millis(300), stream.read_exact(&mut answer)).await;
        asked.map_err(|_| std::io::ErrorKind::TimedOut)??;
        Ok(answer)
    }

    #[tokio::test]
    async fn bytes_pass_and_every_disturbance_is_felt() {
        let relay = Relay::start(&[1, echo().await]).unwrap();
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port()));
        let mut open = connect().await.unwrap();
        assert_eq!(ask(&mut open).await.unwrap(), b"hello", "a dead target is passed over");
        relay.set(Weather::Drip);
        assert_eq!(ask(&mut open).await.unwrap(), b"hello");
        relay.set(Weather::Silent);
        assert_eq!(ask(&mut open).await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        relay.set(Weather::Clear);
        let mut late = [0; 5];
        open.read_exact(&mut late).await.unwrap();
        assert_eq!(&late, b"hello", "what was held back arrives");
        relay.cut(Cut::Reset);
        // A reset overtakes what is on its way, or the end is seen first: either way the connection is gone.
        assert!(matches!(open.read(&mut late).await, Ok(0) | Err(_)), "a cut is felt");
        let mut half = connect().await.unwrap();
        assert_eq!(ask(&mut half).await.unwrap(), b"hello");
        relay.cut(Cut::Half);
        assert_eq!(half.read(&mut late).await.unwrap(), 0, "the client sees the end");
        half.write_all(b"still heard").await.unwrap();
        relay.set(Weather::Refusing);
        let mut refused = connect().await.unwrap();
        assert!(ask(&mut refused).await.is_err());
    }
}
