//! Calls on their way when a connection breaks, and a single server that is replaced behind its name.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use ges_domain::ports::{AreaAnswer, AreaId, Areas as _};
use ges_harness::{Programs, Redis, run_folder};
use ges_redis::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, block_in_place};

use crate::world::{Uses, tenant};

/// Integrations 8.5: calls in flight are retried once if idempotent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_connection_breaks_is_repeated_once() {
    let folder = run_folder().unwrap();
    let redis = Redis::start(&Programs::from_environment().unwrap().redis, folder.path()).unwrap();
    let uses = Arc::new(Uses::of(&Server::plain("127.0.0.1", redis.port())).await);
    let done = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (uses, done) = (Arc::clone(&uses), Arc::clone(&done));
        callers.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                uses.area_works(tenant(0)).await.unwrap();
            }
        });
    }
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let broken = block_in_place(|| redis.ask("CLIENT KILL TYPE normal SKIPME yes")).unwrap();
        assert!(broken.parse::<u32>().unwrap() >= 3, "connections of three uses: {broken}");
    }
    done.store(true, Ordering::Relaxed);
    callers.join_all().await;
}

/// A name that leads to whichever server is the target when a connection is made, and may lose an answer.
#[derive(Clone, Default)]
struct Name {
    target: Arc<AtomicU16>,
    /// The next answer is lost, and its connection with it.
    losing: Arc<AtomicBool>,
}

impl Name {
    async fn of(server: &Redis) -> (Self, u16) {
        let name = Self::default();
        name.lead_to(server);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (port, passing) = (listener.local_addr().unwrap().port(), name.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(passing.clone().pass(client));
            }
        });
        (name, port)
    }

    fn lead_to(&self, server: &Redis) {
        self.target.store(server.port(), Ordering::Relaxed);
    }

    async fn pass(self, client: TcpStream) -> std::io::Result<()> {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.target.load(Ordering::Relaxed))).await?;
        let ((mut asked, mut answered), (mut answers, mut asks)) = (client.into_split(), server.into_split());
        let asking = tokio::io::copy(&mut asked, &mut asks);
        let answering = async {
            let mut bytes = vec![0; 16_384];
            loop {
                let count = answers.read(&mut bytes).await?;
                if count == 0 || self.losing.swap(false, Ordering::Relaxed) {
                    return Ok(());
                }
                answered.write_all(&bytes[..count]).await?;
            }
        };
        tokio::select! { _ = asking => Ok(()), ended = answering => ended }
    }
}

/// What is repeated comes to the same; a removal is not: the second would say that there never was anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_denies_nothing() {
    let folder = run_folder().unwrap();
    let redis = Redis::start(&Programs::from_environment().unwrap().redis, folder.path()).unwrap();
    let (name, port) = Name::of(&redis).await;
    let uses = Uses::of(&Server::plain("127.0.0.1", port)).await;
    let area = AreaId::new("area").unwrap();
    for _ in 0..5 {
        name.losing.store(true, Ordering::Relaxed);
        uses.area_works(tenant(0)).await.unwrap();
        assert!(!name.losing.load(Ordering::Relaxed), "an answer was lost");
        name.losing.store(true, Ordering::Relaxed);
        assert!(uses.areas.remove(tenant(0), &area, None, None).await.is_err(), "nobody knows what came of it");
        let read = uses.areas.read(tenant(0), &area, None).await.unwrap();
        assert_eq!(read, AreaAnswer::Unknown, "it was removed");
    }
}

/// As managed services do it without a cluster: the primary becomes a replica and keeps its connections, and the name leads to
/// another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_the_same_name_another_primary_is_found() {
    let folder = run_folder().unwrap();
    let program = Programs::from_environment().unwrap().redis;
    let [old, new] = ["old", "new"].map(|name| Redis::start(&program, &folder.path().join(name)).unwrap());
    let (name, port) = Name::of(&old).await;
    let uses = Uses::of(&Server::plain("127.0.0.1", port)).await;
    name.lead_to(&new);
    uses.area_works(tenant(0)).await.unwrap();
    assert_eq!(new.ask("DBSIZE").unwrap(), "0", "connections that stand stay where they are");
    old.ask(&format!("REPLICAOF 127.0.0.1 {}", new.port())).unwrap();
    uses.area_works(tenant(0)).await.unwrap();
    uses.until_all_work(tenant(0), Duration::from_secs(5)).await;
    assert_ne!(new.ask("DBSIZE").unwrap(), "0");
}
