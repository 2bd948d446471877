//! Where a session runs: its address, and the node in the cookie form of its id (integrations 0.3, 1.2.4).

use super::*;

fn told(name: &str, url: Option<&str>) -> SessionUpdate {
    SessionUpdate { session: Some(session(name)), url: url.map(Into::into), ..SessionUpdate::default() }
}

#[test]
fn the_bound_session_may_say_where_it_runs_now() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(4, State::Queued)]);
    assert_eq!(bound.session.as_ref().unwrap().url, None, "it bound by its name alone");
    let (addressed, _) = play(bound, &[told("S1", Some("http://a:9098"))]);
    assert_eq!(addressed.session.as_ref().unwrap().url.as_deref(), Some("http://a:9098"));
    assert_eq!(addressed.session_seq, 4, "it is the same session, so old news stays old (R-TR-2)");
    let (moved, answers) = play(addressed, &[told("S1.node3", Some("http://b:9098")), told("S1.node3", None)]);
    let session = moved.session.as_ref().unwrap();
    assert_eq!((session.id.as_str(), session.url.as_deref()), ("S1.node3", Some("http://b:9098")));
    assert!(matches!(answers[1], SessionWrite::Answer(SessionAnswer::Accepted(_))), "nothing new");
    let stale = SessionUpdate { seq: Some(3), ..told("S1", Some("http://old:9098")) };
    let (_, answers) = play(moved, &[stale]);
    assert_eq!(answers, [SessionWrite::Answer(SessionAnswer::Ignored(Ignored::Stale))]);
}

#[test]
fn the_cookie_form_and_the_bare_form_are_one_session() {
    let (bound, _) = play(submitted(Kind::Immediate), &[told("S1.node3", None)]);
    let (routed, _) = play(bound.clone(), &[update(1, State::Routing)]);
    assert_eq!(routed.state, State::Routing);
    assert_eq!(routed.session.as_ref().unwrap().id.as_str(), "S1.node3", "the header needs the node");
    let (wished, _) = cancel(&routed, &request(), at(20)).unwrap();
    let settled = settle_cancel(&wished, &session("S1"), CancelAnswer::Accepted, &Actor::Api, at(21));
    assert_eq!(settled.unwrap().0.state, State::Completed);
    let end = SessionUpdate { end: Some(SessionEnd::Lost), ..told("S1", None) };
    let (left, _) = play(bound, &[end]);
    let (_, answers) = play(left, &[told("S1", None)]);
    assert_eq!(answers, [SessionWrite::Answer(SessionAnswer::Stranger)], "R-TR-2: it gave the callback up");
}
