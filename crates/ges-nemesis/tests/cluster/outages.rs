//! Servers that go away: the stream's Redis, PostgreSQL.

use std::time::Duration;

use ges_domain::ServiceName;
use ges_domain::invariants::Invariant;
use ges_nemesis::{DeploymentPlan, Limited, gather, now};

use crate::world::{SOON, all_end, burst, deployment, first_entries, history, number, service, services, violations};

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_bookings_go_on_and_drain_in_order_when_it_is_back() {
    let mut deployment = deployment(&DeploymentPlan::new(services()).with_pods(1, 2)).await;
    let history = history();
    burst(&deployment, &history, 50, 8).await;
    all_end(&deployment, &history, SOON).await;
    deployment.lose_redis().await.unwrap();
    burst(&deployment, &history, 300, 8).await;
    assert_eq!(history.acknowledged().len(), 350, "every create succeeds: {}", history.summary());
    let before = first_entries(&deployment).len();
    assert_eq!(before, 50, "nothing can have been written");
    let returned = now();
    deployment.return_redis().unwrap();
    all_end(&deployment, &history, SOON).await;
    let last = deployment.ledger.written().iter().map(|written| written.entry.at).max().unwrap();
    println!("backlog of 300 written {} ms after Redis was back", last.since(returned).as_millis());
    let evidence = gather(&deployment, &history, &[] as &[Limited<'_>], true).await.unwrap();
    assert_eq!(Invariant::Order.check(&evidence), []);
    assert_eq!(violations(&deployment, &history, true).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_loses_nothing() {
    let deployment = deployment(&DeploymentPlan::new(services()).with_pods(1, 1)).await;
    let history = history();
    let flushing = async {
        for at in [40, 120, 200] {
            while history.acknowledged().len() < at {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            deployment.ledger.flush().await.unwrap();
        }
    };
    tokio::join!(burst(&deployment, &history, 250, 1), flushing);
    assert_eq!(history.acknowledged().len(), 250, "{}", history.summary());
    // An entry that was emptied away before anybody read it is written again once its attempt is overdue (R-SUB-8).
    all_end(&deployment, &history, Duration::from_secs(100)).await;
    assert_eq!(violations(&deployment, &history, true).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_postgres_refuses_for_a_while_and_loses_nothing() {
    let deployment = deployment(&DeploymentPlan::new(services()).with_pods(2, 1)).await;
    let history = history();
    burst(&deployment, &history, 100, 8).await;
    tokio::task::block_in_place(|| deployment.cluster.postgres().halt(true)).unwrap();
    burst(&deployment, &history, 8, 8).await;
    assert_eq!(history.answers("create", (500, 51)), 8, "{}", history.summary());
    tokio::task::block_in_place(|| deployment.cluster.postgres().start_again()).unwrap();
    let begun = std::time::Instant::now();
    for pod in 0..2 {
        let number = crate::world::number(pod);
        while deployment.caller.create(pod, "CB_0", &number, None).await.is_none_or(|answer| answer.status != 200) {
            assert!(begun.elapsed() < Duration::from_secs(10), "api-{pod} does not write again");
        }
    }
    println!("both pods write {:?} after PostgreSQL was back", begun.elapsed());
    burst(&deployment, &history, 50, 8).await;
    all_end(&deployment, &history, SOON).await;
    assert_eq!(violations(&deployment, &history, true).await, []);
    assert_eq!(history.odd(), Vec::<String>::new());
}

/// Check 22: under steady bookings both uses of Redis are gone for a minute. No pod ends, at most one create in a hundred fails, and
/// every callback that was promised comes to its end once.
#[tokio::test(flavor = "multi_thread")]
async fn check_22_a_minute_without_redis_restarts_nothing_and_loses_nothing() {
    const AWAY: Duration = Duration::from_secs(60);
    const BETWEEN: Duration = Duration::from_millis(100);
    let mut deployment = deployment(&DeploymentPlan::new(services()).with_pods(2, 2)).await;
    let history = history();
    let pods = ["api-0", "api-1", "worker-0", "worker-1"];
    let ids = pods.map(|pod| deployment.cluster.id(pod).unwrap());
    burst(&deployment, &history, 30, 8).await;
    deployment.lose_redis().await.unwrap();
    let lost = std::time::Instant::now();
    let mut asked = 30;
    let mut running = tokio::task::JoinSet::new();
    let mut beat = tokio::time::interval(BETWEEN);
    while lost.elapsed() < AWAY {
        beat.tick().await;
        let (caller, history, n) = (deployment.caller.clone(), history.clone(), asked);
        running.spawn(async move {
            let answer = caller.create(n, &service(n), &number(n), None).await;
            history.created(&ServiceName::new(&service(n)).unwrap(), answer.as_ref());
        });
        asked += 1;
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    deployment.return_redis().unwrap();
    burst(&deployment, &history, 30, 8).await;
    asked += 30;
    let failed = asked - history.acknowledged().len();
    println!("{failed} of {asked} creates failed");
    assert!(failed * 100 < asked, "{failed} of {asked}: {}", history.summary());
    all_end(&deployment, &history, Duration::from_secs(100)).await;
    assert_eq!(pods.map(|pod| deployment.cluster.id(pod).unwrap()), ids);
    for (pod, id) in pods.iter().zip(ids) {
        let runs = std::path::Path::new("/proc").join(id.to_string()).join("stat");
        let stat = std::fs::read_to_string(runs).unwrap_or_default();
        assert!(!stat.is_empty() && !stat.contains(") Z "), "{pod} has ended");
    }
    assert_eq!(violations(&deployment, &history, true).await, []);
    assert_eq!(history.odd(), Vec::<String>::new());
}
