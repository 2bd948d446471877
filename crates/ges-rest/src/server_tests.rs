use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{ServeLimits, serve};
use crate::door::Door;
use crate::listener::{Limits, starting_router};
use crate::testing::{KEY, SLOW_KEY, World};

struct Served {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<bool>,
}

impl World {
    async fn served(&self, limits: ServeLimits) -> Served {
        self.serves(self.external(), limits).await
    }

    async fn serves(&self, door: impl Into<Door> + Send + 'static, limits: ServeLimits) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (tasks, health) = (self.tasks.clone(), self.observed.health.clone());
        let ended = tokio::spawn(serve(listener, door, limits, tasks, health, stop.clone()));
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

/// Integrations 8.4: liveness asks nobody, so it is answered before there is a record to serve from.
#[tokio::test]
async fn a_door_that_is_ajar_tells_health_refuses_the_rest_and_opens_for_connections_that_stand() {
    let world = World::new().await;
    let start = |outside| starting_router(world.observed.clone(), Limits::internal(), outside, world.tasks.clone());
    let (inside, outside) = (Door::ajar(start(false)), Door::ajar(start(true)));
    let (served_inside, served_outside) =
        (world.serves(inside.clone(), limits()).await, world.serves(outside.clone(), limits()).await);
    let (mut within, mut without) = (
        TcpStream::connect(served_inside.address).await.unwrap(),
        TcpStream::connect(served_outside.address).await.unwrap(),
    );
    for (outward, path, status, text) in [
        (false, "/ges/v1/health/live", 200, "LIVE"),
        (false, "/ges/v1/health/ready", 503, "migrations"),
        (false, "/metrics", 200, "ges_build_info"),
        (false, "/genesys/1/service/x/storage", 503, "Storage unavailable."),
        (false, "/engagement/v3/callbacks/open-for/VQ_Support", 500, "\"code\":51"),
        (true, "/engagement/v3/callbacks/open-for/VQ_Support", 500, "\"code\":51"),
        (false, "/ges/v1/credentials/push", 503, "\"code\":51"),
        (false, "/ges/v1/pauses", 503, "\"code\":51"),
        (true, "/ges/v1/ui/session", 503, "\"code\":51"),
        (true, "/ges/v1/health/detail", 404, "\"code\":21"),
        (true, "/metrics", 404, "\"code\":21"),
    ] {
        let stream = if outward { &mut without } else { &mut within };
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let answer = read_until(stream, text).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert_eq!(answer.contains("retry-after: 2"), text.contains("51") || text.contains("Storage"), "{answer}");
        // What is left of the answer is not the next one.
        while tokio::time::timeout(Duration::from_millis(20), stream.read(&mut [0; 65_536])).await.is_ok() {}
    }
    let counted = world.observed.metrics.render();
    let template = "/engagement/v3/callbacks/open-for/{service-name}";
    let sample = format!("ges_http_requests_total{{path=\"{template}\",tenant=\"Unknown Tenant\"}} 2\n");
    assert!(counted.contains(&sample), "counted as what it is on both: {counted}");
    let preflight = "OPTIONS /engagement/v3/callbacks/create HTTP/1.1\r\nhost: x\r\norigin: https://a.example\r\naccess-control-request-method: POST\r\n\r\n";
    without.write_all(preflight.as_bytes()).await.unwrap();
    read_until(&mut without, "\"code\":51").await;
    outside.open(world.external());
    without.write_all(request(KEY).as_bytes()).await.unwrap();
    let answer = read_until(&mut without, "1209600").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(outside.is_open() && !inside.is_open());
    for served in [served_inside, served_outside] {
        served.stop.cancel();
        assert!(served.ended.await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_lingers_behind_a_door_that_never_opened() {
    let world = World::new().await;
    let begun = tokio::time::Instant::now();
    let closed = Door::ajar(starting_router(world.observed.clone(), Limits::internal(), true, world.tasks.clone()));
    for (door, lingers) in [(closed, false), (Door::from(world.external()), true)] {
        let served = world.serves(door, ServeLimits { linger: Duration::from_secs(10), ..limits() }).await;
        served.stop.cancel();
        assert!(served.ended.await.unwrap());
        assert_eq!(begun.elapsed() >= Duration::from_secs(10), lingers);
    }
}
