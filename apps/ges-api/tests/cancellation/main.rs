//! A caller may go away between any two steps of its request. Every act of a request is dropped at every await it passes,
//! on the real stores: no connection keeps a transaction that nobody ends, and nothing is half done (I1, I3, I5, I8).
//!
//! Twice: the use case alone, as if nothing protected it, and the request as a listener serves it.
#![expect(clippy::unwrap_used, reason = "tests: a broken expectation is a failed test")]

mod acts;
mod drops;
mod house;
mod postgres;
mod sqlite;

use std::time::Duration;

use acts::{Act, HEALTH};
use drops::{Moment, abandoned, spun};
use house::{Backstage as _, House};
use postgres::Server;

/// So often in a row an act has to end by itself before it counts as dropped everywhere: how often it is polled varies.
const ENDED: u32 = 3;
/// No act has more awaits.
const MOST: usize = 400;

/// Drops the use case of `act` after one poll, after two, … until it ends by itself. Returns at how many awaits it was left.
async fn at_every_await(house: &House, act: Act, moment: Moment) -> usize {
    let (mut left, mut ended) = (0, 0);
    for polls in 0.. {
        assert!(polls < MOST, "{act:?} does not end");
        let what = format!("{act:?} dropped after {polls} polls, {moment:?}");
        let id = house.prepared(act).await;
        let done = abandoned(house.perform(act, id), polls, moment).await.is_some();
        house.is_sound(&what).await;
        house.can_be_repeated(act, id, &what).await;
        (left, ended) = if done { (left, ended + 1) } else { (left + 1, 0) };
        if ended == ENDED {
            break;
        }
    }
    left
}

/// The same for a request on its listener, whose work goes on when its caller goes away: polled without rest, so that it is
/// left at every stage of that work. Returns how often it was left.
async fn at_every_stage(house: &House, act: Act) -> usize {
    let (mut left, mut polls) = (0, 0);
    loop {
        assert!(polls < 1_000_000, "{act:?} does not end");
        let id = house.prepared(act).await;
        let (router, request) = house.request(act, id);
        let done = spun(house.send(act, id, router, request), polls).await.is_some();
        house.is_sound(&format!("request {act:?} dropped after {polls} polls")).await;
        if done {
            return left;
        }
        left += 1;
        polls += 1 + polls / 8;
    }
}

/// I6: a create under a key is left at every stage of its work and sent again twice, as clients do: it is carried out once.
async fn under_a_key(house: &House) -> usize {
    let (mut left, mut polls) = (0, 0);
    loop {
        let (key, number, before) = (format!("key-{polls}"), house.number(), house.issued());
        let done = spun(house.create_under(&key, &number), polls).await.is_some();
        house.is_sound(&format!("create under a key dropped after {polls} polls")).await;
        let again = house.create_under(&key, &number).await;
        assert_eq!(house.create_under(&key, &number).await, again, "after {polls} polls");
        assert_eq!(house.booked_since(before).await, [again], "after {polls} polls: it was carried out once (I6)");
        house.acknowledge(again);
        if done {
            return left;
        }
        left += 1;
        polls += 1 + polls / 8;
    }
}

async fn drop_everything(house: &House) {
    for act in Act::ALL {
        for moment in [Moment::AtOnce, Moment::WhenWoken] {
            let left = at_every_await(house, act, moment).await;
            println!("{act:?}, {moment:?}: left at {left} awaits");
            assert!(left > 0, "{act:?} was never left waiting");
        }
    }
    house.judge().await;
}

async fn drop_every_request(house: &House) {
    for act in Act::ALL.into_iter().filter(|act| act.has_request()) {
        let left = at_every_stage(house, act).await;
        println!("request {act:?}: left {left} times");
        assert!(left > 0, "request {act:?} was never left at work");
    }
    let left = under_a_key(house).await;
    println!("create under a key: left {left} times");
    assert!(left > 0, "it was never left at work");
    for path in HEALTH {
        for polls in 0.. {
            let done = spun(house.look(path), polls).await;
            house.is_sound(&format!("{path} dropped after {polls} polls")).await;
            if let Some(status) = done {
                assert_eq!(status, 200, "{path}");
                break;
            }
        }
    }
    house.judge().await;
}

#[tokio::test]
async fn use_cases_on_postgresql_may_be_dropped_at_every_await() {
    let server = Server::start();
    drop_everything(&server.house(2).await).await;
}

#[tokio::test]
async fn requests_on_postgresql_may_be_dropped_at_every_stage() {
    let server = Server::start();
    drop_every_request(&server.house(2).await).await;
}

#[tokio::test]
async fn use_cases_on_sqlite_may_be_dropped_at_every_await() {
    let folder = tempfile::tempdir().unwrap();
    drop_everything(&sqlite::house(folder.path()).await).await;
}

#[tokio::test]
async fn requests_on_sqlite_may_be_dropped_at_every_stage() {
    let folder = tempfile::tempdir().unwrap();
    drop_every_request(&sqlite::house(folder.path()).await).await;
}

/// Who checks the checker: sqlx 0.9 gives a connection back inside the transaction whose BEGIN was abandoned (its issue 4393),
/// and the look behind the stage sees it. When this fails after an update of sqlx, the issue is closed: tell the comments that
/// cite it.
#[tokio::test]
async fn a_begin_that_is_dropped_on_the_pool_is_noticed() {
    let server = Server::start();
    server.migrated().await;
    let backstage = server.backstage().await;
    // How far so many polls get varies with the machine.
    for polls in (1..=6).cycle().take(60) {
        let pool = server.bare_pool().await;
        let ended = abandoned(async { pool.begin().await?.rollback().await }, polls, Moment::AtOnce).await;
        let stuck = backstage.stuck(Duration::from_millis(200)).await;
        pool.close().await;
        if let (None, [stays]) = (ended, stuck.as_slice()) {
            assert_eq!(stays, "idle in transaction: BEGIN");
            return;
        }
    }
    panic!("no abandoned BEGIN left its transaction open");
}

/// The cure that every transaction of the store has: a task of its own.
#[tokio::test]
async fn a_begin_in_a_task_of_its_own_is_not() {
    let server = Server::start();
    server.migrated().await;
    let backstage = server.backstage().await;
    for polls in (0..4).cycle().take(20) {
        let pool = server.bare_pool().await;
        let own = pool.clone();
        let work = async move { tokio::spawn(async move { own.begin().await?.rollback().await }).await };
        abandoned(work, polls, Moment::AtOnce).await;
        let stuck = backstage.stuck(Duration::from_secs(2)).await;
        assert_eq!(stuck, Vec::<String>::new(), "left after {polls} polls");
        pool.close().await;
    }
}
