//! Facts about the floor.

use super::*;

fn one_group(crew: Crew) -> FloorSettings {
    FloorSettings {
        groups: vec![GroupSettings { name: "Sales".into(), queues: vec!["CB_Sales".into()], crew }],
        ..FloorSettings::default()
    }
}

fn call(id: &str) -> NewCall {
    NewCall {
        id: id.into(),
        queue: "CB_Sales".into(),
        earliest_dial: 0,
        priority: 0,
        max_dial_attempts: None,
        redial_ms: None,
        calls_in: false,
    }
}

fn certain() -> Crew {
    Crew { agents: 1, answer: 1.0, ..Crew::default() }
}

/// Runs until nothing is left to happen.
fn play(floor: &mut Floor) -> Vec<Happening> {
    let mut told = floor.step(0);
    while let Some(at) = floor.next_at() {
        told.extend(floor.step(at));
    }
    told
}

fn story<'a>(told: &'a [Happening], id: &str) -> Vec<(u64, &'a What)> {
    told.iter().filter(|happening| happening.call == id).map(|happening| (happening.at, &happening.what)).collect()
}

/// R-EWT-3.
#[test]
fn ex_o_worked_examples_of_the_estimate() {
    let departures: Vec<u64> = (0..32).map(|n| n * 600_000 / 31).collect();
    assert_eq!(mode1(7, &departures), Estimate::Seconds(135), "7 x 600 / 31, rounded down");
    assert_eq!(mode2(5, 240_000, 3), Estimate::Seconds(400));
    assert_eq!(mode2(5, 240_000, 0), Estimate::NoAgents, "code -2");
    assert_eq!(mode2(1, 1_000, 3), Estimate::Seconds(1), "rounded up");
    assert_eq!((mode1(3, &[]), mode1(3, &[7])), (Estimate::Unknown, Estimate::Unknown), "no interval yet");
}

/// Chapter 15: nobody is dialed, and an agent does not wait for ever.
#[test]
fn a_consumer_who_calls_in_is_expected_and_never_dialed() {
    let whats = |told: &[Happening]| -> Vec<What> { told.iter().map(|happening| happening.what).collect() };
    let expecting = || {
        let mut floor = Floor::new(one_group(certain()), 1);
        floor.offer(NewCall { calls_in: true, ..call("a") }, 0);
        floor
    };
    let mut floor = expecting();
    assert_eq!(whats(&floor.step(10_000)), [What::Reserved]);
    floor.called_in("a", 20_000);
    assert_eq!(whats(&play(&mut floor)), [What::Connected, What::Ended("AGENT_CONNECTED")]);

    let mut floor = expecting();
    let told = play(&mut floor);
    assert_eq!(whats(&told), [What::Reserved, What::Ended("CALL_IN_NOT_RECEIVED")]);
    assert!(told[1].at - told[0].at >= Crew::default().call_in_ms, "it was waited for");
    floor.offer(call("b"), told[1].at);
    assert_eq!(whats(&floor.step(told[1].at)), [What::Reserved], "the agent is free again");

    let mut floor = expecting();
    floor.called_in("a", 0);
    let told = play(&mut floor);
    assert_eq!(whats(&told), [What::Reserved, What::Connected, What::Ended("AGENT_CONNECTED")], "called before");
}

#[test]
fn a_call_is_reserved_dialed_connected_and_ended_in_that_order() {
    let mut floor = Floor::new(one_group(certain()), 1);
    floor.offer(call("a"), 0);
    let told = play(&mut floor);
    let whats: Vec<_> = story(&told, "a").into_iter().map(|(_, what)| *what).collect();
    assert_eq!(whats, [What::Reserved, What::Dialed(1), What::Connected, What::Ended("AGENT_CONNECTED")]);
    assert_eq!(floor.place("a", u64::MAX / 2), None, "it left the floor");
}

#[test]
fn one_agent_serves_in_order_and_priority_goes_first() {
    let mut floor = Floor::new(one_group(certain()), 1);
    for id in ["a", "b", "c"] {
        floor.offer(call(id), 0);
    }
    floor.offer(NewCall { priority: 10, ..call("vip") }, 0);
    assert_eq!(floor.place("vip", 0).map(|place| place.position), Some(1));
    assert_eq!(floor.place("c", 0).map(|place| (place.position, place.waiting)), Some((3, 3)));
    let told = play(&mut floor);
    let served: Vec<_> = told.iter().filter(|h| h.what == What::Reserved).map(|h| h.call.as_str()).collect();
    assert_eq!(served, ["a", "vip", "b", "c"], "the first was served before the other three arrived");
}

#[test]
fn nobody_is_dialed_before_the_agreed_time() {
    let mut floor = Floor::new(one_group(Crew { agents: 50, ..Crew::default() }), 3);
    for n in 0..200_u64 {
        floor.offer(NewCall { earliest_dial: n * 1_000, ..call(&n.to_string()) }, n * 10);
    }
    let told = play(&mut floor);
    let dials: Vec<_> = told.iter().filter(|h| matches!(h.what, What::Dialed(_))).collect();
    assert!(dials.len() >= 200);
    for dial in dials {
        let agreed = dial.call.parse::<u64>().unwrap() * 1_000;
        assert!(dial.at > agreed, "R-SUB-4: {} dialed at {}", dial.call, dial.at);
    }
}

#[test]
fn advancing_by_hand_does_not_dial_early() {
    let mut floor = Floor::new(one_group(certain()), 3);
    floor.offer(NewCall { earliest_dial: 60_000, ..call("a") }, 0);
    floor.advance("a", 1_000);
    assert!(floor.step(59_999).is_empty());
    let told = play(&mut floor);
    assert!(told.first().is_some_and(|first| first.at == 60_000 && first.what == What::Reserved));
}

#[test]
fn unanswered_calls_are_dialed_again_until_the_limit() {
    let crew = Crew { answer: 0.0, redial_ms: 30_000, ..certain() };
    let mut floor = Floor::new(one_group(crew), 1);
    floor.offer(NewCall { max_dial_attempts: Some(2), redial_ms: Some(45_000), ..call("a") }, 0);
    floor.offer(NewCall { max_dial_attempts: Some(1), ..call("once") }, 0);
    let told = play(&mut floor);
    let a: Vec<_> = story(&told, "a").into_iter().map(|(_, what)| *what).collect();
    let expected = [
        What::Reserved,
        What::Dialed(1),
        What::Requeued,
        What::Reserved,
        What::Dialed(2),
        What::Ended("REDIAL_LIMIT_REACHED"),
    ];
    assert_eq!(a, expected);
    assert_eq!(story(&told, "once").last().map(|(_, what)| **what), Some(What::Ended("NO_ANSWER")));
    let at = |what| story(&told, "a").iter().filter(|(_, told)| **told == what).map(|(at, _)| *at).next_back().unwrap();
    assert!(at(What::Reserved) >= at(What::Requeued) + 45_000, "its own redial interval holds");
}

#[test]
fn one_seed_gives_one_day_however_finely_it_is_stepped() {
    let day = |seed: u64, pace: u64| {
        let mut floor = Floor::new(one_group(Crew { agents: 4, ..Crew::default() }), seed);
        let mut told = Vec::new();
        for now in (0..4_000_000_u64).step_by(usize::try_from(pace).unwrap()) {
            if now % 5_000 == 0 && now < 500_000 {
                floor.offer(call(&now.to_string()), now);
            }
            told.extend(floor.step(now));
        }
        told
    };
    let coarse = day(7, 5_000);
    assert_eq!(coarse, day(7, 500));
    assert_ne!(coarse, day(8, 5_000), "another seed is another day");
}

#[test]
fn means_are_what_the_crew_is_set_to() {
    let crew = Crew { agents: 20, answer: 0.7, handling_ms: 240_000, ..Crew::default() };
    let mut floor = Floor::new(FloorSettings { max_dial_attempts: 1, ..one_group(crew) }, 42);
    let calls = 4_000;
    for n in 0..calls {
        floor.offer(call(&n.to_string()), 0);
    }
    let told = play(&mut floor);
    let connected: std::collections::HashMap<_, _> =
        told.iter().filter(|h| h.what == What::Connected).map(|h| (h.call.clone(), h.at)).collect();
    let share = connected.len() as f64 / f64::from(calls);
    assert!((0.67..0.73).contains(&share), "answered {share}");
    let lengths = told.iter().filter(|h| h.what == What::Ended("AGENT_CONNECTED")).map(|h| h.at - connected[&h.call]);
    let mean = lengths.clone().sum::<u64>() as f64 / lengths.count() as f64;
    assert!((230_000.0..250_000.0).contains(&mean), "handling time {mean}");
}

#[test]
fn never_more_calls_at_agents_than_agents() {
    let mut floor = Floor::new(one_group(Crew { agents: 3, answer: 0.6, ..Crew::default() }), 5);
    for n in 0..300 {
        floor.offer(call(&n.to_string()), 0);
    }
    let (mut busy, mut most) = (0_i32, 0);
    for happening in play(&mut floor) {
        match happening.what {
            What::Reserved => busy += 1,
            What::Requeued | What::Ended(_) => busy -= 1,
            _ => {}
        }
        most = most.max(busy);
    }
    assert_eq!((busy, most), (0, 3));
}

#[test]
fn a_withdrawn_call_frees_its_agent_and_a_talking_one_stays() {
    let mut floor = Floor::new(one_group(certain()), 1);
    floor.offer(call("a"), 0);
    floor.offer(call("b"), 0);
    assert_eq!(floor.withdraw("a", 0), Withdrawal::Removed, "while its agent is reserved");
    assert_eq!(floor.withdraw("a", 0), Withdrawal::Unknown);
    let connected = loop {
        let at = floor.next_at().expect("b is served");
        if floor.step(at).iter().any(|h| h.what == What::Connected) {
            break at;
        }
    };
    assert_eq!(floor.withdraw("b", connected), Withdrawal::Talking);
    floor.cut("b", connected);
    assert_eq!(floor.queue("CB_Sales", Mode::Mode2, false, connected).map(|queue| queue.ready), Some(1));
}

#[test]
fn a_held_call_waits_until_it_is_let_go() {
    let mut floor = Floor::new(one_group(Crew { agents: 0, ..certain() }), 1);
    floor.offer(call("a"), 0);
    assert!(floor.hold("a", true, 0));
    floor.restaff(one_group(certain()), 1_000);
    assert!(floor.step(60_000).is_empty(), "held");
    assert!(floor.hold("a", false, 60_000));
    assert_eq!(floor.step(60_000).first().map(|h| h.what), Some(What::Reserved));
}

#[test]
fn the_router_sees_waiting_calls_agents_and_handling_time() {
    let mut floor = Floor::new(one_group(Crew { agents: 3, handling_ms: 240_000, ..Crew::default() }), 1);
    for n in 0..8 {
        floor.offer(call(&n.to_string()), 0);
    }
    let queue = floor.queue("CB_Sales", Mode::Mode2, false, 0).unwrap();
    assert_eq!((queue.wait, queue.waiting, queue.agents, queue.ready), (Estimate::Seconds(400), 5, 3, 0));
    assert_eq!(
        floor.queue("CB_Sales", Mode::Mode3, false, 0).unwrap().wait,
        Estimate::Unknown,
        "nothing handled in 600 s"
    );
    assert!(floor.hold("7", true, 0));
    let waits = |floor: &mut Floor, on_hold| {
        let queue = floor.queue("CB_Sales", Mode::Mode2, on_hold, 0).unwrap();
        (queue.wait, queue.waiting)
    };
    assert_eq!(waits(&mut floor, false), (Estimate::Seconds(320), 4), "one of the five is on hold");
    assert_eq!(waits(&mut floor, true), (Estimate::Seconds(400), 5), "and counts when asked for");
    assert_eq!(floor.queue("nowhere", Mode::Mode2, false, 0), None);
    floor.offer(NewCall { queue: "nowhere".into(), ..call("x") }, 0);
    assert!(floor.queue("nowhere", Mode::Mode2, false, 0).is_some(), "a queue exists from its first call on");
}

#[test]
fn speed_scales_everything_but_agreed_times() {
    let slow = Floor::new(one_group(certain()), 9);
    let fast = Floor::new(one_group(certain()).with_speed(10.0), 9);
    let length = |mut floor: Floor| {
        floor.offer(NewCall { earliest_dial: 100_000, ..call("a") }, 0);
        let told = play(&mut floor);
        assert_eq!(told.first().map(|first| first.at), Some(100_000));
        told.last().unwrap().at - 100_000
    };
    let (slow, fast) = (length(slow), length(fast));
    assert!(fast.abs_diff(slow / 10) < 10, "{slow} against {fast}");
}
