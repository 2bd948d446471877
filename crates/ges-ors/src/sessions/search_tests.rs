//! Sessions among several nodes, each a peer of our own (integrations 1.3, 1.5 to 1.7).

use ges_discovery::Directory;
use ges_domain::ports::SessionRequests as _;
use wiremock::matchers::{any, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::tests::{answering, cancel, session, sessions};
use super::*;

/// An address where nobody is.
async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Sessions somewhere among these nodes, asked in this order.
fn among(nodes: &[&str]) -> OrsSessions {
    let none: &[String] = &[];
    let regions =
        nodes.iter().enumerate().map(|(at, node)| (Region::new(&format!("r{at}")).unwrap(), none, Some(*node)));
    sessions(nodes[0]).found_by(Arc::new(Directory::named(regions).unwrap()), None)
}

async fn every(status: u16) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(status)).mount(&server).await;
    server
}

async fn asked(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn a_session_without_an_address_is_found_on_the_node_that_runs_it_and_stays_found() {
    let (other, home) = (every(404).await, every(200).await);
    let sessions = among(&[&other.uri(), &home.uri()]);
    assert!(matches!(sessions.place(&session(None)).await, Asked::Answered(_)));
    assert_eq!((asked(&other).await, asked(&home).await), (1, 1));
    assert_eq!(cancel(&sessions, &session(None)).await, Told::Accepted);
    assert_eq!((asked(&other).await, asked(&home).await), (1, 2), "its node is asked first from then on");
    let unlisted = session(Some("http://203.0.113.9:9098"));
    assert!(matches!(sessions.describe(&unlisted).await, Asked::Answered(_)), "as if it had given no address");
}

#[tokio::test]
async fn an_order_to_stop_reaches_the_node_that_runs_the_session() {
    let (other, home) = (every(404).await, every(200).await);
    among(&[&other.uri(), &home.uri()]).terminate(&session(None)).await;
    assert_eq!(home.received_requests().await.unwrap()[0].url.path(), "/scxml/session/00GESDEMO7H2/terminate");
}

#[tokio::test]
async fn a_session_without_an_address_is_gone_when_every_node_says_so() {
    let (one, two) = (every(404).await, every(404).await);
    let sessions = among(&[&one.uri(), &two.uri()]);
    assert_eq!(sessions.place(&session(None)).await, Asked::Gone);
    assert_eq!(cancel(&sessions, &session(None)).await, Told::Gone);
    assert_eq!((asked(&one).await, asked(&two).await), (2, 2));
}

/// R-POL-3: a healthy session elsewhere is not taken for lost.
#[tokio::test]
async fn one_node_that_says_nothing_leaves_it_open_whether_a_session_is_gone() {
    let (knows_nothing, failing) = (every(404).await, every(503).await);
    for silent in [failing.uri(), nobody().await] {
        let sessions = among(&[&knows_nothing.uri(), &silent]);
        assert_eq!(sessions.place(&session(None)).await, Asked::Unreachable, "{silent}");
        assert_eq!(sessions.describe(&session(None)).await, Asked::Unreachable, "{silent}");
        assert_eq!(cancel(&sessions, &session(None)).await, Told::Unreachable, "{silent}");
    }
}

#[tokio::test]
async fn the_word_of_the_node_a_session_named_counts_alone() {
    let (other, own) = (every(200).await, every(404).await);
    let sessions = among(&[&other.uri()]);
    assert_eq!(sessions.place(&session(Some(&own.uri()))).await, Asked::Gone);
    assert_eq!(cancel(&sessions, &session(Some(&own.uri()))).await, Told::Gone);
    assert_eq!((asked(&other).await, asked(&own).await), (0, 2));
}

#[tokio::test]
async fn a_session_whose_node_forgot_it_is_looked_for_everywhere_again() {
    let (one, two) = (every(404).await, every(200).await);
    let sessions = among(&[&one.uri(), &two.uri()]);
    assert!(matches!(sessions.place(&session(None)).await, Asked::Answered(_)));
    two.reset().await;
    assert_eq!(sessions.place(&session(None)).await, Asked::Gone);
    assert_eq!(asked(&one).await, 2);
}

#[tokio::test]
async fn an_old_node_is_asked_in_forms_for_everything_of_our_own() {
    let old = answering(415).await;
    let place = path("/scxml/session/00GESDEMO7H2/request/check-queue-position");
    let answer = ResponseTemplate::new(200).set_body_string(r#"{"_position":"3"}"#);
    Mock::given(method("POST"))
        .and(place)
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .respond_with(answer)
        .with_priority(1)
        .expect(2)
        .mount(&old)
        .await;
    let sessions = sessions(&old.uri());
    for tries in [2, 3] {
        let Asked::Answered(place) = sessions.place(&session(None)).await else { panic!("it answered") };
        assert_eq!(place.position, Some(3));
        assert_eq!(asked(&old).await, tries, "JSON is tried once");
    }
}
