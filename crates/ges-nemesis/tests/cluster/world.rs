//! What the tests share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ges_domain::invariants::{Violation, check};
use ges_domain::{CallbackId, ServiceName};
use ges_nemesis::{Answer, Deployment, DeploymentPlan, History, Limited, ServiceRow, Written, gather};

/// Longer than anything takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Services `CB_0` to `CB_7`, so that every worker has some.
pub(crate) const SERVICES: usize = 8;

pub(crate) fn service(n: usize) -> String {
    format!("CB_{}", n % SERVICES)
}

pub(crate) fn services() -> Vec<ServiceRow> {
    (0..SERVICES).map(|n| ServiceRow::new(service(n), 10_000)).collect()
}

pub(crate) async fn deployment(plan: &DeploymentPlan) -> Deployment {
    Deployment::start(plan).await.unwrap()
}

pub(crate) fn history() -> Arc<History> {
    Arc::new(History::new(Deployment::tenant()))
}

/// The `n`th consumer's number.
pub(crate) fn number(n: usize) -> String {
    format!("1222333{:04}", 1_000 + n % 9_000)
}

/// Books `count` callbacks as soon as possible, `at_once` at a time, at pods in turn; answers are in the history.
pub(crate) async fn burst(deployment: &Deployment, history: &Arc<History>, count: usize, at_once: usize) {
    let mut running = tokio::task::JoinSet::new();
    for n in 0..count {
        if running.len() >= at_once {
            running.join_next().await.unwrap().unwrap();
        }
        let (caller, history) = (deployment.caller.clone(), history.clone());
        running.spawn(async move {
            let name = service(n);
            let answer = caller.create(n, &name, &number(n), None).await;
            history.created(&ServiceName::new(&name).unwrap(), answer.as_ref());
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}

/// Waits until every acknowledged callback has ended.
pub(crate) async fn all_end(deployment: &Deployment, history: &History, limit: Duration) {
    let ids: Vec<_> = history.acknowledged().iter().map(|create| format!("'{}'", create.id)).collect();
    assert!(!ids.is_empty(), "nothing was acknowledged");
    let open = format!("state <> 6 and id in ({})", ids.join(","));
    if let Err(error) = deployment.until_none(&open, limit).await {
        let rows = "select id, state, attempts, submitted_at, session_id from callbacks where state <> 6 limit 5";
        panic!("{error}\n{}", deployment.sql(rows).unwrap());
    }
}

/// Judges everything that is known by every promise.
pub(crate) async fn violations(deployment: &Deployment, history: &History, at_rest: bool) -> Vec<Violation> {
    assert_eq!(deployment.ledger.unreadable(), 0, "every entry reads back");
    let evidence = gather(deployment, history, &[] as &[Limited<'_>], at_rest).await.unwrap();
    check(&evidence)
}

/// Waits until the stream holds an entry of this callback.
pub(crate) async fn entry_of(deployment: &Deployment, id: CallbackId, limit: Duration) -> Written {
    let begun = Instant::now();
    loop {
        if let Some(found) = deployment.ledger.written().into_iter().find(|written| written.entry.id == id) {
            return found;
        }
        assert!(begun.elapsed() < limit, "no entry of {id} within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// First entries by callback.
pub(crate) fn first_entries(deployment: &Deployment) -> HashMap<CallbackId, Written> {
    let mut first = HashMap::new();
    for written in deployment.ledger.written() {
        first.entry(written.entry.id).or_insert(written);
    }
    first
}

/// The state a client sees.
pub(crate) fn state(answer: &Answer) -> String {
    answer.body["data"]["callbackState"].as_str().unwrap_or_default().to_owned()
}
