//! Pushes under virtual time: EX-N, P-14, P-19, and what waiting costs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::callback::{Actor, Callback, PushTarget, Reason, State};
use ges_domain::ports::{
    Begun, CancelRequest, Catalogue as _, Move, NoticeKey, NoticeLine, Notices, Place, PushProvider, Record as _, Seen,
    ServiceRef, SessionNews as _, Settled, ShardLease, StoreError, UpcomingClaim, UpcomingPage,
};
use ges_domain::push::{Message, Sent, Texts};
use ges_domain::use_cases::RequestCallIn;
use ges_domain::wait::Estimate;
use ges_domain::{CallbackId, Instant, TenantId};
use ges_testkit::builders::{after, call_in_group, immediate, move_to, scheduled, tenant, update};
use ges_testkit::{CountingChance, CountingIds, FakePlan, FakePush, MemoryNews};

use super::world::{Crash, Node, World, pass, seconds, settings};
use crate::PushPorts;
use crate::gauges::PushGauges;

/// Pushes that ended.
#[derive(Default)]
struct Ended {
    success: AtomicU64,
    failure: AtomicU64,
    numbers: AtomicU64,
}

impl PushGauges for Ended {
    fn push_ended(&self, _: &NoticeKey, success: bool) {
        let count = if success { &self.success } else { &self.failure };
        count.fetch_add(1, Ordering::SeqCst);
    }
    fn number_given(&self, _: TenantId) {
        self.numbers.fetch_add(1, Ordering::SeqCst);
    }
}

/// One node's way to the record of pushes and to the provider; both are port calls that may be its last.
struct Way {
    node: Arc<Node>,
    world: Arc<World>,
    provider: Arc<FakePush>,
    at_once: Arc<AtOnce>,
}

/// Messages under way.
#[derive(Default)]
struct AtOnce {
    now: AtomicU64,
    most: AtomicU64,
}

#[async_trait]
impl Notices for Way {
    async fn notice_agenda(&self, shards: &[ShardLease]) -> Result<Vec<NoticeLine>, StoreError> {
        self.node.call("notice_agenda", self.world.store.notice_agenda(shards)).await
    }
    async fn upcoming(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        after: Option<(Instant, CallbackId)>,
        limit: u32,
    ) -> Result<UpcomingPage, StoreError> {
        self.node.call("upcoming", self.world.store.upcoming(lease, service, until, after, limit)).await
    }
    async fn claim_upcoming(
        &self,
        lease: ShardLease,
        claims: &[UpcomingClaim],
        at: Instant,
    ) -> Result<u64, StoreError> {
        self.node.call("claim_upcoming", self.world.store.claim_upcoming(lease, claims, at)).await
    }
    async fn begin_notices(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        at: Instant,
        limit: u32,
    ) -> Result<Vec<Begun>, StoreError> {
        self.node.call("begin_notices", self.world.store.begin_notices(lease, service, at, limit)).await
    }
    async fn settle_notices(&self, settled: &[Settled]) -> Result<Vec<bool>, StoreError> {
        self.node.call("settle_notices", self.world.store.settle_notices(settled)).await
    }
    async fn drop_target(
        &self,
        tenant: TenantId,
        id: CallbackId,
        target: &PushTarget,
        at: Instant,
    ) -> Result<(), StoreError> {
        self.node.call("drop_target", self.world.store.drop_target(tenant, id, target, at)).await
    }
}

#[async_trait]
impl PushProvider for Way {
    async fn texts(&self, tenant: TenantId) -> Arc<Texts> {
        self.provider.texts(tenant).await
    }
    async fn send(&self, tenant: TenantId, target: &PushTarget, message: &Message) -> Sent {
        let now = self.at_once.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.at_once.most.fetch_max(now, Ordering::SeqCst);
        let sent = self.node.call("send", self.provider.send(tenant, target, message)).await;
        if target.0.starts_with("slow-") {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        self.at_once.now.fetch_sub(1, Ordering::SeqCst);
        sent
    }
}

/// A world with one provider, and what its nodes counted.
struct Pushing {
    world: Arc<World>,
    provider: Arc<FakePush>,
    ended: Arc<Ended>,
    news: Arc<MemoryNews>,
    at_once: Arc<AtOnce>,
}

impl Pushing {
    async fn new() -> Self {
        Self {
            world: World::new().await,
            provider: Arc::default(),
            ended: Arc::default(),
            news: Arc::default(),
            at_once: Arc::default(),
        }
    }

    fn node(&self) -> Arc<Node> {
        let node = self.world.node();
        let way = Arc::new(Way {
            node: Arc::clone(&node),
            world: Arc::clone(&self.world),
            provider: Arc::clone(&self.provider),
            at_once: Arc::clone(&self.at_once),
        });
        let call_in = RequestCallIn::over(
            &Arc::new(self.world.store.clone()),
            Arc::new(FakePlan),
            self.world.store.clock().clone(),
            Arc::new(CountingIds::new()),
            Arc::new(CountingChance::from(1)),
        );
        let call_in = Arc::new(call_in);
        let (news, gauges) = (self.news.clone(), self.ended.clone());
        let ports = PushPorts { notices: way.clone(), news, provider: way, call_in, gauges };
        *node.push.lock().unwrap() = Some(ports);
        node
    }

    /// Messages per target and event.
    fn sent(&self) -> Vec<(String, &'static str)> {
        self.provider.sent().into_iter().map(|(target, message)| (target.0, message.event.as_str())).collect()
    }

    fn wait(&self, seconds: u32) {
        self.world.routers.set(tenant(), "CB_Sales", Estimate::Known(seconds));
    }

    fn counted(&self) -> (u64, u64) {
        (self.ended.success.load(Ordering::SeqCst), self.ended.failure.load(Ordering::SeqCst))
    }
}

fn with_target(token: &str) -> impl FnOnce(&mut Callback) + use<> {
    let target = PushTarget(token.to_owned());
    move |record| record.particulars.push_targets = vec![target]
}

const UPCOMING: &str = "CALLBACK_UPCOMING";

#[tokio::test(start_paused = true)]
async fn n1_to_n3_an_immediate_callback_is_pushed_once_when_the_wait_is_below_the_threshold() {
    let pushing = Pushing::new().await;
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    seconds(1).await;
    pushing.wait(300);
    pushing.world.book(immediate(pushing.world.now()).with(with_target("t")).build()).await;
    seconds(60).await;
    assert_eq!(pushing.sent(), [], "N2: exactly the threshold is not below it");
    pushing.wait(299);
    seconds(15).await;
    assert_eq!(pushing.sent(), [("t".to_owned(), UPCOMING)], "N1");
    for wait in [400, 200] {
        pushing.wait(wait);
        seconds(90).await;
    }
    assert_eq!(pushing.sent().len(), 1, "N3, R-PSH-4");
    assert_eq!(pushing.counted(), (1, 0), "R-PSH-6");
}

#[tokio::test(start_paused = true)]
async fn n4_and_n5_a_scheduled_callback_is_pushed_below_five_minutes_before_its_time() {
    let pushing = Pushing::new().await;
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    seconds(1).await;
    pushing.world.book(scheduled(pushing.world.now(), after(900)).with(with_target("t")).build()).await;
    seconds(598).await;
    assert_eq!(pushing.sent(), [], "N4");
    seconds(3).await;
    assert_eq!(pushing.sent(), [("t".to_owned(), UPCOMING)], "N5");
}

/// R-PSH-2, R-PSH-7: the app learns which number to call and the code to say there, and the call finds its callback.
#[tokio::test(start_paused = true)]
async fn an_app_that_should_call_in_is_told_a_number_of_its_own() {
    use ges_domain::callback::Direction;
    use ges_domain::ports::CallIns as _;
    let pushing = Pushing::new().await;
    let world = &pushing.world;
    world.store.put_group(tenant(), &call_in_group("help", &["+15550001"], Some(6))).await.unwrap();
    let mut row = ges_testkit::builders::service_row("CB_Sales");
    (row.settings.push_threshold_minutes, row.settings.call_in_group) = (0, "help".to_owned());
    world.store.put_service(tenant(), &row).await.unwrap();
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    seconds(1).await;
    let originated = |record: &mut Callback| {
        with_target("t")(record);
        record.direction = Direction::UserOriginated;
    };
    let booked = world.book(immediate(world.now()).with(originated).build()).await;
    seconds(2).await;
    let routed = update("S1", 1, State::Routing);
    pushing.provider.answer("t", Sent::Failed { rest: None });
    world.store.apply_session_update(tenant(), booked.id, &routed, world.now()).await.unwrap();
    seconds(8).await;
    let sent = pushing.provider.sent();
    assert_eq!(sent.len(), 2, "the second after 5 s");
    let [first, second] = [&sent[0].1, &sent[1].1];
    assert_eq!(first.event.as_str(), "CALLBACK_CALL_IN");
    assert_eq!(first.data["toPhoneNumber"], "+15550001");
    assert_eq!(first.data["accessCode"].len(), 6);
    assert!(first.data["expirationTime"].parse::<i64>().unwrap() > world.now().millis());
    assert_eq!(first.data, second.data, "every attempt names the same number and code");
    assert_eq!(pushing.ended.numbers.load(Ordering::SeqCst), 1, "R-CTI-9: one request, counted once");
}

#[tokio::test(start_paused = true)]
async fn what_the_session_tells_of_the_wait_counts_for_its_callback() {
    let pushing = Pushing::new().await;
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    seconds(1).await;
    pushing.wait(2_000);
    let world = &pushing.world;
    let booked = world.book(immediate(world.now()).with(with_target("t")).build()).await;
    seconds(5).await;
    let told = |seq, ewt| ges_domain::callback::SessionUpdate { ewt: Some(ewt), ..update("S1", seq, State::Queued) };
    world.store.apply_session_update(tenant(), booked.id, &told(1, 600), world.now()).await.unwrap();
    seconds(60).await;
    assert_eq!(pushing.sent(), []);
    world.store.apply_session_update(tenant(), booked.id, &told(2, 120), world.now()).await.unwrap();
    seconds(1).await;
    assert_eq!(pushing.sent().len(), 1, "at once, by a hint");
}

/// R-PSH-3, R-POL-1: polls write no record and give no hint; the wait they heard counts all the same, whichever way it differs
/// from the queue's, and is what the message tells.
#[tokio::test(start_paused = true)]
async fn what_a_poll_heard_of_the_wait_counts_before_the_queue() {
    let pushing = Pushing::new().await;
    let world = &pushing.world;
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    seconds(1).await;
    pushing.wait(2_000);
    let mut booked = Vec::new();
    for (number, token) in [("+16504661001", "near"), ("+16504661002", "far"), ("+16504661003", "silent")] {
        let record = world.book(immediate(world.now()).number(number).with(with_target(token)).build()).await;
        let session = update(&format!("S-{token}"), 1, State::Queued);
        world.store.apply_session_update(tenant(), record.id, &session, world.now()).await.unwrap();
        booked.push(record.id);
    }
    let heard = async |id: CallbackId, ewt: u32, reachable: bool| {
        let place = Place { position: Some(1), ewt: Some(ewt), answer: "{}".into() };
        let seen = Seen { at: Some(world.now()), place, reachable, diagnostics: None };
        pushing.news.keep(&[(tenant(), id, seen)]).await;
    };
    heard(booked[0], 600, true).await;
    heard(booked[1], 900, true).await;
    heard(booked[2], 10, false).await;
    seconds(40).await;
    assert_eq!(pushing.sent(), [], "nobody is near, and a session that is not reached says nothing");
    heard(booked[0], 120, true).await;
    seconds(15).await;
    assert_eq!(pushing.sent(), [("near".to_owned(), UPCOMING)], "the queue is as long as ever");
    assert_eq!(pushing.provider.sent()[0].1.data["estimatedWaitTime"], "120");
    pushing.wait(60);
    seconds(30).await;
    let sent: Vec<String> = pushing.sent().into_iter().map(|(target, _)| target).collect();
    assert_eq!(sent, ["near", "silent"], "the one that is far waits for its own wait to fall");
}

#[tokio::test(start_paused = true)]
async fn n7_and_n9_a_threshold_of_zero_and_a_conversation_push_nothing() {
    let pushing = Pushing::new().await;
    let world = &pushing.world;
    let mut row = ges_testkit::builders::service_row("CB_Sales");
    row.settings.push_threshold_minutes = 0;
    world.store.put_service(tenant(), &row).await.unwrap();
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    world.book(immediate(world.now()).with(with_target("t")).build()).await;
    seconds(300).await;
    assert_eq!(pushing.sent(), [], "N7");
    row.settings.push_threshold_minutes = 5;
    world.store.put_service(tenant(), &row).await.unwrap();
    pushing.wait(9_000);
    let talking = world.book(immediate(world.now()).with(with_target("u")).build()).await;
    seconds(5).await;
    for (seq, state) in [(1, State::Routing), (2, State::Processing)] {
        world.store.apply_session_update(tenant(), talking.id, &update("S1", seq, state), world.now()).await.unwrap();
    }
    pushing.wait(1);
    seconds(120).await;
    assert!(pushing.sent().iter().all(|(target, _)| target == "t"), "N9: {:?}", pushing.sent());
}

#[tokio::test(start_paused = true)]
async fn n8_a_new_time_is_pushed_again() {
    let pushing = Pushing::new().await;
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    let world = &pushing.world;
    let booked = world.book(scheduled(world.now(), after(400)).with(with_target("t")).build()).await;
    seconds(110).await;
    assert_eq!(pushing.sent().len(), 1);
    world.store.move_booking(tenant(), booked.id, &move_to(after(2_000), 100), world.now()).await.unwrap();
    seconds(1_500).await;
    assert_eq!(pushing.sent().len(), 1);
    seconds(80).await;
    assert_eq!(pushing.sent().len(), 1, "the new time is 310 s away");
    seconds(20).await;
    let tags: Vec<_> = pushing.provider.sent().into_iter().map(|(_, message)| message.tag).collect();
    assert_eq!(tags.len(), 2, "N8");
    assert_ne!(tags[0], tags[1], "another message, not a repeat");
}

#[tokio::test(start_paused = true)]
async fn what_staff_do_is_announced_at_once() {
    let pushing = Pushing::new().await;
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    let world = &pushing.world;
    let booked = world.book(scheduled(world.now(), after(9_000)).with(with_target("t")).build()).await;
    let staff = Actor::Ui("ada".into());
    let to = Move { actor: staff.clone(), ..move_to(after(8_000), 100) };
    world.store.move_booking(tenant(), booked.id, &to, world.now()).await.unwrap();
    seconds(1).await;
    let request = CancelRequest { actor: staff, reason: Reason::CANCELLED_BY_ADMIN, keyed: None };
    world.store.cancel(tenant(), booked.id, &request, world.now()).await.unwrap();
    seconds(1).await;
    let events: Vec<_> = pushing.sent().into_iter().map(|(_, event)| event).collect();
    assert_eq!(events, ["CALLBACK_RESCHEDULED", "CALLBACK_CANCELLED"], "R-PSH-2");
}

#[tokio::test(start_paused = true)]
async fn a_failed_push_is_tried_three_times_and_a_dead_target_once() {
    let pushing = Pushing::new().await;
    for _ in 0..3 {
        pushing.provider.answer("down", Sent::Failed { rest: None });
    }
    pushing.provider.answer("gone", Sent::TargetGone);
    pushing.provider.answer("slow", Sent::Failed { rest: Some(Duration::from_secs(20)) });
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    let world = &pushing.world;
    let mut ids = BTreeMap::new();
    for token in ["down", "gone", "slow"] {
        ids.insert(token, world.book(immediate(world.now()).with(with_target(token)).build()).await.id);
    }
    let count = |token: &str| pushing.sent().iter().filter(|(target, _)| target == token).count();
    seconds(4).await;
    assert_eq!((count("down"), count("gone"), count("slow")), (1, 1, 1));
    seconds(3).await;
    assert_eq!((count("down"), count("slow")), (2, 1), "5 s later, R-PSH-5");
    seconds(60).await;
    assert_eq!((count("down"), count("gone"), count("slow")), (3, 1, 2));
    assert_eq!(pushing.counted(), (1, 2), "once each, at the end");
    assert!(world.record(ids["gone"]).particulars.push_targets.is_empty(), "R-PSH-5: the target is removed");
    assert_eq!(world.record(ids["down"]).particulars.push_targets.len(), 1);
    seconds(600).await;
    assert_eq!(count("down"), 3);
}

#[tokio::test(start_paused = true)]
async fn n10_two_nodes_push_every_target_once() {
    let pushing = Pushing::new().await;
    let (_first, _stop) = pushing.node().start(settings("a"));
    let (_second, _stop) = pushing.node().start(settings("b"));
    seconds(5).await;
    let world = &pushing.world;
    for name in 0..8 {
        world.provision(&format!("CB_{name}")).await;
    }
    for n in 0..400 {
        let draft = immediate(world.now()).on(&format!("CB_{}", n % 8)).with(with_target(&format!("t{n}")));
        world.book(draft.build()).await;
    }
    seconds(30).await;
    let targets: std::collections::BTreeSet<_> = pushing.sent().into_iter().map(|(target, _)| target).collect();
    assert_eq!((pushing.sent().len(), targets.len()), (400, 400), "N10, P-14");
    assert_eq!(pushing.counted(), (400, 0));
}

/// A process dies at its `nth` port call, another one lives on: every target is pushed, and all repeats carry one tag.
async fn survives(nth: u64, crash: Crash) {
    let pushing = Pushing::new().await;
    let world = &pushing.world;
    for n in 0..3 {
        world.book(immediate(world.now()).with(with_target(&format!("i{n}"))).build()).await;
        world.book(scheduled(world.now(), after(310 + n)).with(with_target(&format!("s{n}"))).build()).await;
    }
    for name in ["first", "second"] {
        let node = pushing.node();
        node.crash_at(nth, crash);
        let (monitor, _stop) = node.start(settings(name));
        for _ in 0..40 {
            pass(Duration::from_millis(500)).await;
            if node.has_crashed() {
                break;
            }
        }
        drop(monitor);
    }
    let (_monitor, _stop) = pushing.node().start(settings("third"));
    seconds(120).await;
    let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (target, message) in pushing.provider.sent() {
        tags.entry(target.0).or_default().push(message.tag);
    }
    assert_eq!(tags.len(), 6, "{crash:?} {nth}: nobody is left out: {tags:?}");
    for (target, tags) in tags {
        assert!(tags.iter().all(|tag| *tag == tags[0]), "{crash:?} {nth}: {target} sees one message");
        assert!(tags.len() <= 3, "{crash:?} {nth}: one message per crash at most: {target} {tags:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn p_19_a_crash_before_any_port_call_loses_no_push_and_shows_none_twice() {
    for nth in 1..60 {
        survives(nth, Crash::Before).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p_19_a_crash_after_any_port_call_loses_no_push_and_shows_none_twice() {
    for nth in 1..60 {
        survives(nth, Crash::After).await;
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_push_costs_the_rescan_alone() {
    let pushing = Pushing::new().await;
    let node = pushing.node();
    let (_monitor, _stop) = node.start(settings("a"));
    let world = &pushing.world;
    let desired = after(4 * 3_600);
    for n in 0..1_000 {
        let draft = scheduled(world.now(), desired).slot(ges_testkit::builders::claim(desired, 20_000));
        world.book(draft.with(with_target(&format!("t{n}"))).build()).await;
    }
    seconds(5).await;
    let before = node.calls();
    seconds(30 * 60).await;
    let spent = |name: &str| node.calls().get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0);
    assert!((28..=34).contains(&spent("notice_agenda")), "one rescan a minute: {}", spent("notice_agenda"));
    for name in ["upcoming", "claim_upcoming", "begin_notices", "settle_notices", "send"] {
        assert_eq!(spent(name), 0, "design 8: {name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_push_is_abandoned_and_counted() {
    let pushing = Pushing::new().await;
    let world = &pushing.world;
    let node = pushing.node();
    let (monitor, _stop) = node.start(settings("a"));
    seconds(2).await;
    let booked = world.book(immediate(world.now()).with(with_target("t")).build()).await;
    pushing.provider.answer("t", Sent::Failed { rest: None });
    seconds(2).await;
    assert_eq!(pushing.sent().len(), 1);
    drop(monitor);
    seconds(700).await;
    let (_again, _stop) = pushing.node().start(settings("b"));
    seconds(30).await;
    assert_eq!(pushing.sent().len(), 1, "ten minutes old: {}", booked.id);
    assert_eq!(pushing.counted(), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn many_that_wait_behind_a_long_wait_are_not_read_at_every_report_of_a_session() {
    let pushing = Pushing::new().await;
    pushing.wait(5_000);
    let node = pushing.node();
    let (_monitor, _stop) = node.start(settings("a"));
    let world = &pushing.world;
    let mut ids = Vec::new();
    for n in 0..2_000 {
        ids.push(world.book(immediate(world.now()).with(with_target(&format!("t{n}"))).build()).await.id);
    }
    seconds(20).await;
    let before = node.calls()["upcoming"];
    for second in 0..30 {
        let told = ges_domain::callback::SessionUpdate { ewt: Some(4_000), ..update("S1", second + 1, State::Queued) };
        world.store.apply_session_update(tenant(), ids[0], &told, world.now()).await.unwrap();
        seconds(1).await;
    }
    let looks = f64::from(node.calls()["upcoming"] - before) / 8.0;
    assert!(looks < 20.0, "eight pages a look, one look in two seconds: {looks}");
    pushing.wait(100);
    seconds(30).await;
    assert_eq!(pushing.sent().len(), 1_999, "all but the one whose session says otherwise");
}

/// Integrations 0.4: sixteen messages at once, and no service waits behind the slow phones of another one.
#[tokio::test(start_paused = true)]
async fn slow_phones_of_one_service_delay_no_other_one() {
    let pushing = Pushing::new().await;
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    let world = &pushing.world;
    for name in 0..3 {
        world.provision(&format!("CB_{name}")).await;
    }
    seconds(5).await;
    for n in 0..40 {
        world.book(immediate(world.now()).on("CB_0").with(with_target(&format!("slow-{n}"))).build()).await;
    }
    seconds(1).await;
    for n in 0..60 {
        let draft = immediate(world.now()).on(&format!("CB_{}", 1 + n % 2));
        world.book(draft.with(with_target(&format!("quick-{n}"))).build()).await;
    }
    seconds(2).await;
    let quick = pushing.sent().into_iter().filter(|(target, _)| target.starts_with("quick-")).count();
    assert_eq!(quick, 60, "while CB_0 waits for its phones");
    assert_eq!(pushing.counted(), (60, 0), "R-PSH-6: nobody has waited five seconds yet");
    seconds(60).await;
    assert_eq!(pushing.counted(), (100, 0));
    assert_eq!(pushing.sent().len(), 100, "once each");
}

/// R-PSH-5: an attempt is begun when it can be made; many that are due at once do not lose theirs waiting for a place.
#[tokio::test(start_paused = true)]
async fn a_crowd_of_slow_phones_is_sent_once_each_within_the_limit() {
    let pushing = Pushing::new().await;
    let (_monitor, _stop) = pushing.node().start(settings("a"));
    let world = &pushing.world;
    for name in 0..30 {
        world.provision(&format!("CB_{name}")).await;
    }
    seconds(5).await;
    for n in 0..600 {
        // Half of them in one service.
        let service = if n % 2 == 0 { 0 } else { n % 30 };
        let draft = immediate(world.now()).on(&format!("CB_{service}")).with(with_target(&format!("slow-{n}")));
        world.book(draft.build()).await;
    }
    seconds(590).await;
    assert_eq!(pushing.at_once.most.load(Ordering::SeqCst), 16, "integrations 0.4");
    assert_eq!(pushing.counted(), (600, 0));
    assert_eq!(pushing.sent().len(), 600, "one attempt each");
}

#[tokio::test(start_paused = true)]
async fn a_monitor_that_stops_finishes_the_messages_under_way() {
    let pushing = Pushing::new().await;
    let (monitor, stop) = pushing.node().start(settings("a"));
    seconds(2).await;
    let world = &pushing.world;
    world.book(immediate(world.now()).with(with_target("slow-1")).build()).await;
    seconds(2).await;
    assert_eq!((pushing.sent().len(), pushing.counted()), (1, (0, 0)));
    stop.cancel();
    monitor.stopped().await;
    assert_eq!(pushing.counted(), (1, 0), "its outcome is written, and nobody repeats it");
}
