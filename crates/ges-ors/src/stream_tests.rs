//! One contract for both streams, and what only a real server can show: loss, TLS, another password.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::{ClientLike, StreamsInterface};
use fred::types::Value;
use ges_domain::ports::SubmissionStream;

use crate::fixture::{dispatches, origin};
use crate::{LocalStream, Login, RedisSettings, RedisStream, RedisTls, StreamEntry};

/// What every stream promises: all entries, whole, in the order given; a repeat is a second entry with the same key; a batch
/// of nothing writes nothing.
pub(crate) async fn keeps_entries_whole_and_in_order<F, R>(stream: &dyn SubmissionStream, read: F)
where
    F: Fn() -> R,
    R: Future<Output = Vec<StreamEntry>>,
{
    stream.submit(&[]).await.unwrap();
    assert!(read().await.is_empty());
    let batch = dispatches(500);
    stream.submit(&batch).await.unwrap();
    stream.submit(&batch[..1]).await.unwrap();
    let entries = read().await;
    let mut expected: Vec<_> = batch.iter().map(|one| (one.callback.id, one.attempt)).collect();
    expected.push(expected[0]);
    assert_eq!(entries.iter().map(StreamEntry::key).collect::<Vec<_>>(), expected, "I7, I2");
    assert_eq!(entries[500], entries[0], "a repeat says the same, its correlation id too");
    assert_eq!(entries[0].data.customer_number, "15105550100");
}

#[tokio::test]
async fn the_local_stream_keeps_the_contract() {
    let stream = LocalStream::new(origin());
    let read = || async {
        stream.entries().iter().map(|fields| StreamEntry::parse(fields.iter().cloned()).unwrap()).collect()
    };
    keeps_entries_whole_and_in_order(&stream, read).await;
}

/// The server that the test command started for everybody.
fn shared_server() -> RedisSettings {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no configuration; the test command names its server here"
    )]
    let url = std::env::var("GES_TEST_REDIS_URL").expect("GES_TEST_REDIS_URL is not set: run `cargo xtask test`");
    let url = url::Url::parse(&url).unwrap();
    RedisSettings::plain(url.host_str().unwrap(), url.port().unwrap_or(6379))
}

/// A stream of its own for the test named `name`.
pub(crate) fn on(settings: RedisSettings, name: &str) -> RedisSettings {
    RedisSettings { stream: format!("test-{name}-{}", std::process::id()), ..settings }
}

pub(crate) async fn reader(settings: &RedisSettings) -> Client {
    let client = settings.server().builder().unwrap().build().unwrap();
    client.init().await.unwrap();
    client
}

pub(crate) async fn read(client: &Client, settings: &RedisSettings) -> Vec<StreamEntry> {
    let key = settings.stream.as_str();
    let entries: Vec<(String, Vec<(String, String)>)> =
        client.xrange_values(key, "-", "+", None).await.map(sorted).unwrap();
    entries.into_iter().map(|(_, fields)| StreamEntry::parse(fields).unwrap()).collect()
}

fn sorted(entries: Vec<(String, std::collections::HashMap<String, String>)>) -> Vec<(String, Vec<(String, String)>)> {
    entries.into_iter().map(|(id, fields)| (id, fields.into_iter().collect())).collect()
}

#[tokio::test]
async fn the_redis_stream_keeps_the_contract() {
    let settings = on(shared_server(), "contract");
    let stream = RedisStream::start(&settings, origin()).unwrap();
    let client = reader(&settings).await;
    keeps_entries_whole_and_in_order(&stream, || read(&client, &settings)).await;
    assert!(stream.probe().await);
    let _: Value = fred::interfaces::KeysInterface::del(&client, settings.stream.as_str()).await.unwrap();
}

/// A server of our own; dies with the value.
struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
    arguments: Vec<String>,
}

impl Server {
    fn start(arguments: impl Fn(u16, &Path) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // One asked for twice is not free yet.
        static ASKED: AtomicU16 = AtomicU16::new(0);
        let first = u16::try_from(std::process::id() % 1_000).unwrap() * 20;
        let port = std::iter::repeat_with(|| 20_000 + first + ASKED.fetch_add(1, Ordering::SeqCst))
            .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
            .unwrap();
        let arguments = arguments(port, folder.path());
        let child = Self::spawn(&arguments, folder.path());
        Self { child, port, folder, arguments }
    }

    fn spawn(arguments: &[String], folder: &Path) -> Child {
        let common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder.to_str().unwrap()];
        #[expect(
            clippy::disallowed_methods,
            reason = "a test has no configuration; the test command names its program here"
        )]
        let program = std::env::var("GES_TEST_REDIS_BIN").unwrap_or_else(|_| "redis-server".into());
        Command::new(program)
            .args(common)
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is not installed: run `cargo xtask test`, which installs it")
    }

    fn plain() -> Self {
        Self::start(|port, _| vec!["--port".into(), port.to_string()])
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.child = Self::spawn(&self.arguments, self.folder.path());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn until_alive(stream: &RedisStream) {
    let began = Instant::now();
    while !stream.probe().await {
        assert!(began.elapsed() < Duration::from_secs(15), "the server does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_lost_server_is_reported_soon_and_found_again_by_itself() {
    let mut server = Server::plain();
    let settings = RedisSettings::plain("127.0.0.1", server.port);
    let stream = RedisStream::start(&settings, origin()).unwrap();
    until_alive(&stream).await;
    stream.submit(&dispatches(3)).await.unwrap();
    server.kill();
    for _ in 0..3 {
        let began = Instant::now();
        let error = stream.submit(&dispatches(3)).await.unwrap_err();
        assert_eq!((error.refused, error.total), (3, 3));
        assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}: {error:?}", began.elapsed());
    }
    assert!(!stream.probe().await);
    server.restart();
    until_alive(&stream).await;
    stream.submit(&dispatches(3)).await.unwrap();
    // What was on its way when the connection broke may arrive late: the same attempts, which consumers collapse (I2).
    let keys: BTreeSet<_> = read(&reader(&settings).await, &settings).await.iter().map(StreamEntry::key).collect();
    assert_eq!(keys, dispatches(3).iter().map(|one| (one.callback.id, one.attempt)).collect());
}

#[tokio::test]
async fn a_server_that_is_away_at_our_start_is_found_later() {
    let mut server = Server::plain();
    server.kill();
    let settings = RedisSettings::plain("127.0.0.1", server.port);
    let stream = RedisStream::start(&settings, origin()).unwrap();
    assert!(stream.submit(&dispatches(1)).await.is_err());
    server.restart();
    until_alive(&stream).await;
    stream.submit(&dispatches(1)).await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_is_reported_within_the_bound() {
    let server = Server::plain();
    let settings = RedisSettings::plain("127.0.0.1", server.port);
    let stream = RedisStream::start(&settings, origin()).unwrap();
    until_alive(&stream).await;
    let signal = |name: &str| {
        let pid = server.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    signal("-STOP");
    let began = Instant::now();
    let outcome = stream.submit(&dispatches(2)).await;
    let took = began.elapsed();
    signal("-CONT");
    assert!(outcome.is_err());
    assert!(took < Duration::from_millis(3_500), "{took:?}");
    until_alive(&stream).await;
    stream.submit(&dispatches(2)).await.unwrap();
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A server that speaks TLS only, with a certificate for `stream.test` and a password.
fn tls_server() -> Server {
    Server::start(|port, folder| {
        std::fs::write(folder.join("san"), "subjectAltName=DNS:stream.test\n").unwrap();
        let ec = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
        openssl(folder, &format!("req -x509 {ec} -keyout ca.key -out ca.crt -subj /CN=TestCA"));
        openssl(folder, &format!("req {} -keyout s.key -out s.csr -subj /CN=stream.test", ec.replace(" -days 2", "")));
        openssl(folder, "x509 -req -in s.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out s.crt");
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let mut arguments: Vec<String> =
            ["--port", "0", "--tls-auth-clients", "no", "--requirepass", "sesame"].map(Into::into).into();
        arguments.extend(["--tls-port".into(), port.to_string()]);
        arguments.extend(["--tls-cert-file".into(), path("s.crt"), "--tls-key-file".into(), path("s.key")]);
        arguments.extend(["--tls-ca-cert-file".into(), path("ca.crt")]);
        arguments
    })
}

#[tokio::test]
async fn tls_checks_name_and_authority_unless_told_not_to() {
    let server = tls_server();
    let roots_pem = std::fs::read(server.folder.path().join("ca.crt")).ok();
    let tls = RedisTls { servername: Some("stream.test".into()), verify: true, roots_pem };
    let with = |tls: &RedisTls, password: &str| RedisSettings {
        tls: Some(tls.clone()),
        login: Login::new(None, Some(password.into())),
        ..RedisSettings::plain("127.0.0.1", server.port)
    };
    let good = RedisStream::start(&with(&tls, "sesame"), origin()).unwrap();
    until_alive(&good).await;
    good.submit(&dispatches(2)).await.unwrap();
    let careless = RedisTls { servername: Some("other.test".into()), verify: false, roots_pem: None };
    let stream = RedisStream::start(&with(&careless, "sesame"), origin()).unwrap();
    until_alive(&stream).await;
    stream.submit(&dispatches(1)).await.unwrap();
    let refused = [
        with(&RedisTls { servername: Some("other.test".into()), ..tls.clone() }, "sesame"),
        with(&RedisTls { roots_pem: Some(other_authority()), ..tls.clone() }, "sesame"),
        with(&tls, "wrong"),
    ];
    for settings in refused {
        let stream = RedisStream::start(&settings, origin()).unwrap();
        assert!(stream.submit(&dispatches(1)).await.is_err(), "{settings:?}");
        assert!(!format!("{settings:?}").contains("sesame"), "I11");
    }
    let settings = with(&tls, "sesame");
    assert_eq!(read(&reader(&settings).await, &settings).await.len(), 3);
}

fn other_authority() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(folder.path(), &format!("req -x509 {ec} -keyout ca.key -out ca.crt -subj /CN=OtherCA"));
    std::fs::read(folder.path().join("ca.crt")).unwrap()
}

/// Integrations 10.1: a new password serves new connections, without a restart.
#[tokio::test]
async fn check_21_a_changed_password_serves_the_next_connection() {
    let server =
        Server::start(|port, _| ["--port", &port.to_string(), "--requirepass", "first"].map(String::from).into());
    let settings = RedisSettings {
        login: Login::new(None, Some("first".into())),
        ..on(RedisSettings::plain("127.0.0.1", server.port), "rotation")
    };
    let stream = RedisStream::start(&settings, origin()).unwrap();
    until_alive(&stream).await;
    let admin = reader(&settings).await;
    let tell = async |command: &[&str]| {
        use fred::interfaces::ClientLike as _;
        use fred::types::CustomCommand;
        let arguments: Vec<&str> = command[1..].to_vec();
        let _: Value = admin.custom(CustomCommand::new(command[0].to_owned(), None, false), arguments).await.unwrap();
    };
    tell(&["CONFIG", "SET", "requirepass", "second"]).await;
    stream.submit(&dispatches(1)).await.unwrap();
    settings.login.change(None, Some("second".into()));
    tell(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    until_alive(&stream).await;
    stream.submit(&dispatches(1)).await.unwrap();
    assert_eq!(read(&reader(&settings).await, &settings).await.len(), 2);
    assert!(!format!("{settings:?}").contains("second"), "I11");
}
