//! The policy against real sockets.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;
use wiremock::matchers::{any, header, header_exists, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{
    Backoff, BreakerState, Bulkhead, Call, CallError, Egress, Finished, HttpClient, HttpClientFactory, LiveEgress,
    Observer, Outcome, Policy, Reach, Stage, with_correlation,
};

/// Two retries without a rest worth waiting for; 10 s would be long enough on the slowest machine.
const QUICK: Policy = Policy {
    attempt_timeout: Duration::from_secs(10),
    backoff: Backoff { retries: 2, base: Duration::from_millis(1), cap: Duration::from_millis(2) },
    ..Policy::GWS_ENV
};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[derive(Default)]
struct Ledger {
    finished: Mutex<Vec<Outcome>>,
    states: Mutex<Vec<BreakerState>>,
    dns: AtomicU64,
    forgotten: Mutex<Vec<String>>,
}

impl Observer for Ledger {
    fn finished(&self, call: &Finished) {
        assert_eq!((call.integration, call.operation), ("gws_env", "look"));
        self.finished.lock().unwrap().push(call.outcome);
    }
    fn dns_failed(&self, _: &'static str) {
        self.dns.fetch_add(1, Ordering::SeqCst);
    }
    fn breaker_changed(&self, _: &'static str, _: &str, state: BreakerState) {
        self.states.lock().unwrap().push(state);
    }
    fn breaker_forgotten(&self, _: &'static str, endpoint: &str) {
        self.forgotten.lock().unwrap().push(endpoint.to_owned());
    }
}

/// A client whose clock stands at `seconds`, with the ledger of what it told.
fn client(policy: Policy) -> (HttpClient, Arc<Ledger>, Arc<AtomicU64>) {
    let (ledger, seconds) = (Arc::new(Ledger::default()), Arc::new(AtomicU64::new(0)));
    let clock = Arc::clone(&seconds);
    let factory = HttpClientFactory::default()
        .observed_by(ledger.clone())
        .clock(Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst))))
        .trace_parent(Arc::new(|| Some(TRACE.to_owned())));
    (factory.client(policy).unwrap(), ledger, seconds)
}

fn look(base: &str) -> Call {
    Call::get("look", "/look/{key}", Url::parse(base).unwrap().join("look/sesame").unwrap())
}

async fn answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    server
}

async fn asked(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

/// A peer that reads a request, writes `bytes` and hangs up, for every connection.
async fn raw_peer(bytes: &'static [u8]) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(bytes).await;
            let _ = socket.shutdown().await;
        }
    });
    (address, connections)
}

/// An address where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn whole_chain(error: &CallError) -> String {
    let mut text = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(" {next:?} {next}"));
        cause = next.source();
    }
    text
}

#[tokio::test]
async fn every_call_names_us_and_its_correlation() {
    let server = MockServer::start().await;
    Mock::given(path("/look/sesame"))
        .and(header("user-agent", concat!("ges/", env!("CARGO_PKG_VERSION"))))
        .and(header("x-correlation-id", "c-1"))
        .and(header("traceparent", TRACE))
        .respond_with(ResponseTemplate::new(200).set_body_string("[1]"))
        .expect(1)
        .mount(&server)
        .await;
    let (client, ..) = client(QUICK);
    let reply = with_correlation(Some("c-1"), client.send(&look(&server.uri()))).await.unwrap();
    assert_eq!(reply.json::<Vec<u8>>().unwrap(), [1]);
}

#[tokio::test]
async fn a_host_that_was_not_called_for_an_hour_is_forgotten_when_a_new_one_is() {
    let servers = [answering(ResponseTemplate::new(200)).await, answering(ResponseTemplate::new(200)).await];
    let newcomer = answering(ResponseTemplate::new(200)).await;
    let (client, ledger, seconds) = client(QUICK);
    let name = |server: &MockServer| server.address().to_string();
    for server in &servers {
        client.send(&look(&server.uri())).await.unwrap();
    }
    seconds.store(1_800, Ordering::SeqCst);
    client.send(&look(&servers[1].uri())).await.unwrap();
    seconds.store(3_600, Ordering::SeqCst);
    client.send(&look(&newcomer.uri())).await.unwrap();
    let mut known: Vec<_> = client.breakers().into_iter().map(|(name, _)| name).collect();
    known.sort();
    let mut expected = [name(&servers[1]), name(&newcomer)];
    expected.sort();
    assert_eq!(known, expected);
    assert_eq!(*ledger.forgotten.lock().unwrap(), [name(&servers[0])]);
}

/// Integrations 0.4.
#[tokio::test]
async fn the_attempts_of_a_call_carry_one_id_that_of_the_work_or_a_fresh_one() {
    let server = answering(ResponseTemplate::new(503)).await;
    let ids = async || {
        let received = server.received_requests().await.unwrap();
        server.reset().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&server).await;
        let id = |request: &wiremock::Request| request.headers["x-correlation-id"].to_str().unwrap().to_owned();
        received.iter().map(id).collect::<Vec<_>>()
    };
    let (nobodys, ..) = client(QUICK);
    nobodys.send(&look(&server.uri())).await.unwrap_err();
    let fresh = ids().await;
    assert_eq!((fresh.len(), &fresh[0]), (3, &fresh[2]));
    let uuid = |id: &str| {
        let shape = [8, 4, 4, 4, 12].into_iter().eq(id.split('-').map(str::len));
        shape && id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19])
    };
    assert!(uuid(&fresh[0]), "{fresh:?}");
    nobodys.send(&look(&server.uri())).await.unwrap_err();
    assert_ne!(ids().await[0], fresh[0]);
    let factory = HttpClientFactory::default().correlation(Arc::new(|| Some("of the work".into())));
    let of_work = factory.client(Policy { backoff: Backoff { retries: 0, ..QUICK.backoff }, ..QUICK }).unwrap();
    of_work.send(&look(&server.uri())).await.unwrap_err();
    assert_eq!((ids().await, of_work.correlation().as_deref()), (vec!["of the work".to_owned()], Some("of the work")));
    with_correlation(Some("c-1"), of_work.send(&look(&server.uri()))).await.unwrap_err();
    assert_eq!(ids().await, ["c-1"]);
}

#[tokio::test]
async fn redirects_and_cookies_are_not_followed() {
    let answer = ResponseTemplate::new(302).insert_header("location", "/elsewhere").insert_header("set-cookie", "a=b");
    let server = answering(answer).await;
    let (client, ..) = client(QUICK);
    for _ in 0..2 {
        assert_eq!(client.send(&look(&server.uri())).await.unwrap().status(), 302);
    }
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|request| request.url.path() == "/look/sesame"));
    assert!(requests.iter().all(|request| !request.headers.contains_key("cookie")));
}

#[tokio::test]
async fn a_busy_peer_is_asked_again_and_the_call_counts_once() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).up_to_n_times(2).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let (client, ledger, _) = client(QUICK);
    assert_eq!(client.send(&look(&server.uri())).await.unwrap().status(), 204);
    assert_eq!(asked(&server).await, 3);
    assert_eq!(*ledger.finished.lock().unwrap(), [Outcome::Ok]);
}

#[tokio::test]
async fn attempts_end_with_the_schedule_and_refusals_are_final() {
    let (client, ledger, _) = client(QUICK);
    for (status, attempts, outcome) in
        [(503, 3, Outcome::ServerError), (500, 1, Outcome::ServerError), (429, 3, Outcome::ClientError)]
    {
        let server = answering(ResponseTemplate::new(status)).await;
        let error = client.send(&look(&server.uri())).await.unwrap_err();
        assert_eq!(error.status(), Some(status));
        assert_eq!(asked(&server).await, attempts, "{status}");
        assert_eq!(ledger.finished.lock().unwrap().last(), Some(&outcome));
    }
    let server = answering(ResponseTemplate::new(404)).await;
    let reply = client.send(&look(&server.uri())).await.unwrap();
    assert_eq!(reply.success().unwrap_err().status(), Some(404));
    assert_eq!(asked(&server).await, 1);
}

#[tokio::test]
async fn silence_is_tried_again_only_for_idempotent_calls() {
    let impatient = Policy { attempt_timeout: Duration::from_millis(150), ..QUICK };
    let server = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    let (client, ledger, _) = client(impatient);
    let url = Url::parse(&server.uri()).unwrap();
    let error = client.send(&Call::post("look", "/", url.clone())).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout(_)), "{error:?}");
    assert_eq!(asked(&server).await, 1);
    client.send(&Call::post("look", "/", url).idempotent()).await.unwrap_err();
    assert_eq!(asked(&server).await, 4);
    assert_eq!(*ledger.finished.lock().unwrap(), [Outcome::Timeout, Outcome::Timeout]);
}

#[tokio::test]
async fn a_peer_that_hangs_up_before_answering_is_asked_again() {
    let (address, connections) = raw_peer(b"").await;
    let (client, ..) = client(QUICK);
    let error = client.send(&look(&address)).await.unwrap_err();
    assert!(matches!(error, CallError::Transport { stage: Stage::Unanswered, .. }), "{error:?}");
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_asked_for_again() {
    let (address, connections) = raw_peer(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc").await;
    let (client, ..) = client(QUICK);
    let error = client.send(&look(&address)).await.unwrap_err();
    assert!(matches!(error, CallError::Transport { stage: Stage::Body, .. }), "{error:?}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn long_answers_are_cut_off_with_and_without_a_declared_length() {
    let small = Policy { body_cap_bytes: 8, ..QUICK };
    let (client, ledger, _) = client(small);
    let server = answering(ResponseTemplate::new(200).set_body_string("123456789")).await;
    let (chunked, _) =
        raw_peer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n").await;
    for address in [server.uri(), chunked] {
        let error = client.send(&look(&address)).await.unwrap_err();
        assert!(matches!(error, CallError::BodyTooLarge { cap_bytes: 8 }), "{error:?}");
    }
    assert_eq!(*ledger.finished.lock().unwrap(), [Outcome::BodyTooLarge, Outcome::BodyTooLarge]);
    let fits = answering(ResponseTemplate::new(200).set_body_string("12345678")).await;
    assert_eq!(client.send(&look(&fits.uri())).await.unwrap().body(), b"12345678");
}

#[tokio::test]
async fn five_failures_open_the_breaker_and_a_good_trial_closes_it() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).up_to_n_times(5).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let (client, ledger, seconds) = client(QUICK);
    for _ in 0..5 {
        assert_eq!(client.send(&look(&server.uri())).await.unwrap_err().status(), Some(500));
    }
    let error = client.send(&look(&server.uri())).await.unwrap_err();
    assert!(matches!(error, CallError::BreakerOpen { retry_in } if retry_in == Duration::from_secs(15)), "{error:?}");
    assert_eq!(asked(&server).await, 5, "nothing was sent");
    assert_eq!(client.breakers()[0].1, BreakerState::Open);

    seconds.store(15, Ordering::SeqCst);
    client.send(&look(&server.uri())).await.unwrap();
    let states = [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen, BreakerState::Closed];
    assert_eq!(*ledger.states.lock().unwrap(), states);

    let other = answering(ResponseTemplate::new(200)).await;
    client.send(&look(&other.uri())).await.unwrap();
    assert_eq!(client.breakers().len(), 2, "every host and port has its own");
}

/// Integrations 9.1, test H1: the end of an outage shows within one period of probes, however long the breaker stays open.
#[tokio::test]
async fn a_probe_is_sent_once_past_an_open_breaker_and_its_success_closes_it() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).up_to_n_times(8).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let (client, ledger, _) = client(QUICK);
    for _ in 0..2 {
        client.send(&look(&server.uri())).await.unwrap_err();
    }
    assert_eq!((asked(&server).await, client.breakers()[0].1), (5, BreakerState::Open));
    for sent in 6..9 {
        assert_eq!(client.send(&look(&server.uri()).probe()).await.unwrap_err().status(), Some(503));
        assert_eq!(asked(&server).await, sent, "one attempt");
        assert_eq!(client.breakers()[0].1, BreakerState::Open);
    }
    assert!(matches!(client.send(&look(&server.uri())).await, Err(CallError::BreakerOpen { .. })));
    assert_eq!(client.send(&look(&server.uri()).probe()).await.unwrap().status(), 401);
    assert_eq!(*ledger.states.lock().unwrap(), [BreakerState::Closed, BreakerState::Open, BreakerState::Closed]);
    client.send(&look(&server.uri())).await.unwrap();
}

#[tokio::test]
async fn a_full_bulkhead_refuses_after_a_quarter_second_and_blames_nobody() {
    let narrow = Policy { bulkhead: Bulkhead::Endpoint(1), ..QUICK };
    let server = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(2))).await;
    let other = answering(ResponseTemplate::new(200)).await;
    let (client, ..) = client(narrow);
    let call = look(&server.uri());
    let late = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let began = std::time::Instant::now();
        let error = client.send(&call).await.unwrap_err();
        client.send(&look(&other.uri())).await.unwrap();
        (error, began.elapsed())
    };
    let (first, (error, waited)) = tokio::join!(client.send(&call), late);
    first.unwrap();
    assert!(matches!(error, CallError::Overloaded), "{error:?}");
    assert!(waited >= Duration::from_millis(250) && waited < Duration::from_millis(1500), "{waited:?}");
    assert_eq!(client.breakers().iter().filter(|(_, state)| *state == BreakerState::Closed).count(), 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_during_the_trial_leaves_it_to_the_next() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).up_to_n_times(5).mount(&server).await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(any()).respond_with(slow).up_to_n_times(1).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let (client, _, seconds) = client(QUICK);
    for _ in 0..5 {
        client.send(&look(&server.uri())).await.unwrap_err();
    }
    seconds.store(15, Ordering::SeqCst);
    let gone = tokio::time::timeout(Duration::from_millis(200), client.send(&look(&server.uri()))).await;
    assert!(gone.is_err());
    client.send(&look(&server.uri())).await.unwrap();
}

#[tokio::test]
async fn no_retry_begins_that_could_end_after_the_callers_deadline() {
    let server = answering(ResponseTemplate::new(503).insert_header("retry-after", "30")).await;
    let (client, ..) = client(QUICK);
    let began = std::time::Instant::now();
    let error = client.send(&look(&server.uri()).within(Duration::from_secs(20))).await.unwrap_err();
    let asked_rest = Some(Duration::from_secs(30));
    assert!(matches!(error, CallError::Status { status: 503, retry_after } if retry_after == asked_rest), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(asked(&server).await, 1);
}

#[tokio::test]
async fn the_callers_deadline_cuts_an_attempt_short() {
    let server = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    let (client, ..) = client(QUICK);
    let error = client.send(&look(&server.uri()).within(Duration::from_millis(100))).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout(time) if time <= Duration::from_millis(100)), "{error:?}");
}

#[tokio::test]
async fn names_that_do_not_resolve_are_counted_per_attempt() {
    // A label of more than 63 letters never resolves, and no name server is asked.
    let (client, ledger, _) = client(QUICK);
    let error = client.send(&look(&format!("http://{}.example", "x".repeat(64)))).await.unwrap_err();
    assert!(matches!(error, CallError::Transport { stage: Stage::Dns, .. }), "{error:?}");
    assert_eq!(ledger.dns.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn no_error_shows_the_address_it_came_from() {
    let (client, ..) = client(QUICK);
    let refused = client.send(&look(&nobody().await)).await.unwrap_err();
    assert!(matches!(refused, CallError::Transport { stage: Stage::Connect, .. }), "{refused:?}");
    let (hung_up, _) = raw_peer(b"garbage\r\n\r\n").await;
    let garbage = client.send(&look(&hung_up)).await.unwrap_err();
    for error in [refused, garbage] {
        assert!(!whole_chain(&error).contains("sesame"), "I11: {}", whole_chain(&error));
    }
    assert!(!format!("{:?}", look("http://peer")).contains("sesame"));
}

#[tokio::test]
async fn identities_and_bodies_arrive_as_declared() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Basic Z2VzX2NsaWVudDpzZWNyZXQ="))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(wiremock::matchers::body_string("grant_type=client_credentials&scope=*"))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(header("authorization", "Bearer t"))
        .and(header_exists("x-extra"))
        .and(wiremock::matchers::body_json([1, 2]))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let (client, ..) = client(QUICK);
    let url = Url::parse(&server.uri()).unwrap();
    let form = Call::post("look", "/", url.clone())
        .basic("ges_client", "secret".to_owned().into())
        .form(&[("grant_type", "client_credentials"), ("scope", "*")]);
    client.send(&form).await.unwrap().success().unwrap();
    let json = Call::put("look", "/", url).bearer("t".to_owned().into()).header("x-extra", "1").unwrap();
    client.send(&json.json(&[1, 2]).unwrap()).await.unwrap().success().unwrap();
}

#[tokio::test]
async fn only_calls_to_the_internet_leave_through_the_proxy() {
    let proxy = answering(ResponseTemplate::new(200).set_body_string("proxy")).await;
    let peer = answering(ResponseTemplate::new(200).set_body_string("peer")).await;
    let egress = |no_proxy: &str| {
        let proxy = Url::parse(&proxy.uri()).unwrap();
        HttpClientFactory::default().egress(LiveEgress::new(Egress { proxy, no_proxy: no_proxy.to_owned() }))
    };
    let internet = Policy { reach: Reach::Internet, ..QUICK };
    for (factory, policy, who) in [
        (egress(""), internet, "proxy"),
        (egress("127.0.0.1,localhost"), internet, "peer"),
        (egress(""), QUICK, "peer"),
        (HttpClientFactory::default(), internet, "peer"),
    ] {
        let reply = factory.client(policy).unwrap().send(&look(&peer.uri())).await.unwrap();
        assert_eq!(reply.body(), who.as_bytes());
    }
}

/// Integrations 10.1: the address of the proxy may carry a password, and that of a client that stands changes with it. Connections that
/// stand go on; here everybody ends them after each answer.
#[tokio::test]
async fn another_proxy_is_used_by_clients_that_are_there() {
    let (first, second) = (MockServer::start().await, MockServer::start().await);
    let once = |text: &str| ResponseTemplate::new(200).insert_header("connection", "close").set_body_string(text);
    let peer = answering(once("peer")).await;
    for (proxy, sesame) in [(&first, "Basic YWRhOm9sZA=="), (&second, "Basic YWRhOm5ldw==")] {
        Mock::given(header("proxy-authorization", sesame)).respond_with(once(sesame)).mount(proxy).await;
    }
    let at = |proxy: &MockServer, password: &str| {
        let mut proxy = Url::parse(&proxy.uri()).unwrap();
        proxy.set_username("ada").unwrap();
        proxy.set_password(Some(password)).unwrap();
        Egress { proxy, no_proxy: String::new() }
    };
    let egress = LiveEgress::default();
    let factory = HttpClientFactory::default().egress(egress.clone());
    let client = factory.client(Policy { reach: Reach::Internet, ..QUICK }).unwrap();
    let said = async || client.send(&look(&peer.uri())).await.unwrap().body().to_vec();
    assert_eq!(said().await, b"peer", "there is no proxy yet");
    egress.change(at(&first, "old"));
    assert_eq!(said().await, b"Basic YWRhOm9sZA==");
    egress.change(at(&second, "new"));
    assert_eq!(said().await, b"Basic YWRhOm5ldw==");
    assert!(!format!("{egress:?}").contains("new"), "I11");
}
