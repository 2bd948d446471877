//! One short run of everything that can go wrong; `cargo xtask nemesis` does long ones.

use std::time::Duration;

use ges_nemesis::{RunSettings, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_short_run_of_faults_breaks_no_promise() {
    let settings = RunSettings { clients: 4, ..RunSettings::new(3, Duration::from_secs(15)) };
    let verdict = run(&settings, None).await.unwrap();
    println!("{}", verdict.summary);
    assert_eq!(verdict.anomalies, Vec::<String>::new(), "seed {}: {}", verdict.seed, verdict.summary);
}
