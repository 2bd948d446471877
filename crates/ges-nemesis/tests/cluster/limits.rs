//! Limits hold exactly, over pods and without Redis.

use ges_nemesis::{LimitRun, limit_runs};

/// P-11, R-THR-3, R-THR-14 as design decision 1 has it. Twenty runs: `cargo xtask nemesis --limit-runs 20`.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_clients_on_three_pods_get_exactly_the_limit_also_while_redis_dies() {
    let runs = limit_runs(2).await.unwrap();
    println!("{runs:#?}");
    assert_eq!(runs.iter().map(|run| run.redis_killed).collect::<Vec<_>>(), [false, true]);
    assert!(runs.iter().all(LimitRun::is_exact), "{runs:#?}");
}
