//! Store operations of one immediate callback, from its creation to its end, taken alone.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use ges_harness::Simulator;
use tokio::time::{Instant, sleep};

use crate::http::Connection;
use crate::load::{Burst, Order};
use crate::report::{Bound, Figure};
use crate::stage::{Cast, Stage, service};

/// What a session tells, as the built-in happy one does, in less time.
const SCENARIO: &str = r#"{"ackDelayMs":50,"steps":[
    {"afterMs":100,"update":{"_callback_state":"QUEUED"}},
    {"afterMs":100,"update":{"_callback_state":"ROUTING"}},
    {"afterMs":100,"update":{"_callback_state":"PROCESSING","_dial_attempts":"1"}},
    {"afterMs":100,"update":{"_callback_state":"COMPLETED","_callback_reason":"AGENT_CONNECTED"}}]}"#;

pub(crate) async fn measure(quick: bool) -> Result<Vec<Figure>> {
    let (callbacks, idle) = if quick { (5, 5) } else { (20, 30) };
    let mut stage = Stage::set(Cast { simulator: Simulator::Whole, counted: true, ..Cast::default() }).await?;
    let control = stage.cluster.node("ges-sim")?.internal_port();
    let mut connection = Connection::open(control).await?;
    let mut scenario: serde_json::Value = serde_json::from_str(SCENARIO)?;
    scenario["service"] = service(0).into();
    let body = scenario.to_string();
    let answer = connection.send("POST", "/_sim/ors/scenario", "", body.as_bytes()).await?;
    ensure!(answer.status < 300, "the simulator refuses the scenario: {}", String::from_utf8_lossy(&answer.body));
    // The first ones fill caches and open connections.
    one_by_one(&stage, 2).await?;
    sleep(Duration::from_secs(3)).await;

    let (statements, calls) = (stage.store.statements().await?, stage.redis.calls().await?);
    sleep(Duration::from_secs(idle)).await;
    let idle_sql = stage.store.statements().await?.since(&statements).total() / idle as f64;
    let idle_redis = ran(&calls, &stage.redis.calls().await?).values().sum::<f64>() / idle as f64;

    let (statements, calls, begun) = (stage.store.statements().await?, stage.redis.calls().await?, Instant::now());
    one_by_one(&stage, callbacks).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let statements = stage.store.statements().await?.since(&statements);
    let calls = ran(&calls, &stage.redis.calls().await?);
    let each = callbacks as f64;
    let sql = (statements.total() - idle_sql * seconds) / each;
    let redis = (calls.values().sum::<f64>() - idle_redis * seconds) / each;
    let commands: Vec<_> = calls.iter().map(|(name, count)| format!("{:.2}× {name}", count / each)).collect();
    Ok(vec![
        Figure::told("SQL statements per immediate callback, creation to end", sql, "")
            .bounds(Bound::AtMost(12.0), Bound::AtMost(6.0))
            .note(format!("idle share of {idle_sql:.2}/s taken off; {}", statements.list(each))),
        Figure::told("Redis commands per immediate callback, creation to end", redis, "")
            .bounds(Bound::AtMost(8.0), Bound::AtMost(3.0))
            .note(format!("idle share of {idle_redis:.2}/s taken off; {}", commands.join(", "))),
    ])
}

/// Books, waits for the end, books the next.
async fn one_by_one(stage: &Stage, count: usize) -> Result<()> {
    let burst = Burst::to(&stage.apis);
    for _ in 0..count {
        let before = stage.store.completed().await?;
        burst.book(vec![Order::now(0)]).await?.whole()?;
        let begun = Instant::now();
        while stage.store.completed().await? == before {
            ensure!(begun.elapsed() < Duration::from_secs(30), "a callback has not ended after 30 s");
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

/// Calls by command between two readings.
pub(super) fn ran(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let difference = |(name, calls): (&String, &f64)| {
        let ran = calls - before.get(name).copied().unwrap_or(0.0);
        (ran > 0.0).then(|| (name.clone(), ran))
    };
    after.iter().filter_map(difference).collect()
}
