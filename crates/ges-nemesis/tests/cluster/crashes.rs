//! Programs that are killed, and programs that end in order.

use std::time::{Duration, Instant};

use ges_harness::Signal;
use ges_nemesis::DeploymentPlan;
use tokio::task::block_in_place;

use crate::world::{SOON, all_end, burst, deployment, history, services, violations};

/// Ten seconds of lingering after readiness turned false, then what runs (docs/operate.md).
const DRAIN: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread")]
async fn an_api_pod_killed_in_a_burst_loses_nothing_it_acknowledged() {
    let mut deployment = deployment(&DeploymentPlan::new(services()).with_pods(2, 1)).await;
    let history = history();
    let killing = async {
        // In the middle of the burst, whatever the machine's speed.
        while history.acknowledged().len() < 150 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let id = deployment.cluster.id("api-0").unwrap();
        let killed = std::process::Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap();
        assert!(killed.success());
    };
    tokio::join!(burst(&deployment, &history, 600, 32), killing);
    assert!(history.unanswered() > 0, "the burst felt the kill");
    for create in history.acknowledged() {
        let answer = deployment.caller.retrieve(1, create.id).await.expect("the other pod answers");
        assert_eq!(answer.status, 200, "{} was acknowledged", create.id);
    }
    block_in_place(|| deployment.cluster.restart("api-0")).unwrap();
    all_end(&deployment, &history, SOON).await;
    assert_eq!(violations(&deployment, &history, true).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_replaced_and_nothing_happens_twice() {
    let mut deployment = deployment(&DeploymentPlan::new(services()).with_pods(1, 2)).await;
    let history = history();
    burst(&deployment, &history, 200, 16).await;
    deployment.cluster.kill("worker-0").unwrap();
    burst(&deployment, &history, 100, 16).await;
    all_end(&deployment, &history, SOON).await;
    assert_eq!(violations(&deployment, &history, true).await, []);
    // The survivor may go too: a new one finds its way alone.
    deployment.cluster.kill("worker-1").unwrap();
    burst(&deployment, &history, 50, 8).await;
    block_in_place(|| deployment.cluster.restart("worker-0")).unwrap();
    all_end(&deployment, &history, SOON).await;
    assert_eq!(violations(&deployment, &history, true).await, []);
    assert_eq!(history.acknowledged().len(), 350, "bookings need no worker");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_told_to_end_finish_what_they_began() {
    let mut deployment = deployment(&DeploymentPlan::new(services()).with_pods(2, 2)).await;
    let history = history();
    let pods = ["api-0", "worker-0"];
    let ids: Vec<_> = pods.iter().map(|name| deployment.cluster.id(name).unwrap()).collect();
    let ending = async {
        while history.acknowledged().len() < 100 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for name in pods {
            let program = deployment.cluster.node(name).unwrap().program().unwrap();
            program.signal(Signal::Term).unwrap();
        }
    };
    tokio::join!(burst(&deployment, &history, 400, 16), ending);
    assert_eq!((history.acknowledged().len(), history.unanswered()), (400, 0), "a pod that drains still serves");
    let begun = Instant::now();
    for name in pods {
        block_in_place(|| ended_well(&mut deployment, name));
    }
    assert!(begun.elapsed() < DRAIN, "drained after {:?}", begun.elapsed());
    for id in ids {
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists(), "process {id} is gone");
    }
    let connected = "select count(*) from pg_stat_activity where datname = 'ges' and application_name like 'ges-%'";
    assert!(deployment.sql(connected).unwrap().parse::<u32>().unwrap() > 0, "the other pods are still there");
    all_end(&deployment, &history, SOON).await;
    assert_eq!(violations(&deployment, &history, true).await, []);
}

/// Waits for the end of a pod that has its signal: status 0, within its drain time.
fn ended_well(deployment: &mut ges_nemesis::Deployment, name: &str) {
    deployment.cluster.await_end(name, DRAIN).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(deployment.cluster.log(name).unwrap().contains("drained"), "{name} says that it drained");
}
