use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{ServeLimits, serve};
use crate::testing::{KEY, SLOW_KEY, World};

struct Served {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<bool>,
}

impl World {
    async fn served(&self, limits: ServeLimits) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (tasks, health) = (self.tasks.clone(), self.observed.health.clone());
        let ended = tokio::spawn(serve(listener, self.external(), limits, tasks, health, stop.clone()));
        Served { address, stop, ended }
    }
}

fn limits() -> ServeLimits {
    ServeLimits { linger: Duration::ZERO, drain_within: Duration::from_secs(5), ..ServeLimits::default() }
}

fn request(key: &str) -> String {
    format!("GET /engagement/v3/callbacks/open-for/VQ_Support HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\n\r\n")
}

/// Reads until the text has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).await.unwrap();
        assert_ne!(count, 0, "closed after {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..count]);
    }
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn connections_are_kept_and_close_in_good_order() {
    let world = World::new().await;
    let served = world.served(limits()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(request(KEY).as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "1209600").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
    served.stop.cancel();
    assert!(served.ended.await.unwrap());
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "an idle connection is closed");
    assert!(TcpStream::connect(served.address).await.is_err());
    assert!(world.observed.health.not_ready().contains(&"draining"));
}

#[tokio::test]
async fn a_running_request_is_answered_before_the_end() {
    let world = World::new().await;
    let served = world.served(limits()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(request(SLOW_KEY).as_bytes()).await.unwrap();
    while world.tasks.is_empty() {
        tokio::task::yield_now().await;
    }
    served.stop.cancel();
    while !world.observed.health.not_ready().contains(&"draining") {
        tokio::task::yield_now().await;
    }
    assert!(!served.ended.is_finished());
    world.gate.add_permits(1);
    read_until(&mut stream, "1209600").await;
    assert!(served.ended.await.unwrap());
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let world = World::new().await;
    let served = world.served(ServeLimits { drain_within: Duration::from_millis(30), ..limits() }).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(request(SLOW_KEY).as_bytes()).await.unwrap();
    while world.tasks.is_empty() {
        tokio::task::yield_now().await;
    }
    served.stop.cancel();
    assert!(!served.ended.await.unwrap(), "not everything ended in time");
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn headers_that_do_not_come_close_the_connection() {
    let world = World::new().await;
    let served = world.served(ServeLimits { headers_within: Duration::from_millis(30), ..limits() }).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(!String::from_utf8_lossy(&rest).contains("200"), "the connection ends without an answer");
    served.stop.cancel();
    assert!(served.ended.await.unwrap());
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let world = World::new().await;
    let served = world.served(ServeLimits { connections: 1, ..limits() }).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    first.write_all(request(KEY).as_bytes()).await.unwrap();
    read_until(&mut first, "1209600").await;
    let mut second = TcpStream::connect(served.address).await.unwrap();
    second.write_all(request(KEY).as_bytes()).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(30), second.read(&mut [0; 1])).await;
    assert!(early.is_err(), "no place yet");
    drop(first);
    read_until(&mut second, "1209600").await;
    served.stop.cancel();
    assert!(served.ended.await.unwrap());
}

#[tokio::test]
async fn a_connection_that_says_nothing_does_not_delay_the_end() {
    let world = World::new().await;
    let served = world.served(ServeLimits { drain_within: Duration::from_secs(2), ..limits() }).await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    let mut busy = TcpStream::connect(served.address).await.unwrap();
    busy.write_all(request(KEY).as_bytes()).await.unwrap();
    read_until(&mut busy, "1209600").await;
    served.stop.cancel();
    assert!(served.ended.await.unwrap());
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or(0), 0);
}
