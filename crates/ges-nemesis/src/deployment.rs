//! A cluster with relays between its parts and witnesses beside it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use ges_domain::TenantId;
use ges_harness::{Cluster, ClusterPlan, GwsPorts, Programs, ServerPorts, Simulator};
use tokio::task::block_in_place;

use crate::caller::Caller;
use crate::control::Control;
use crate::ledger::Ledger;
use crate::provisioning::{ServiceRow, document};
use crate::relay::Relay;

/// Stands in every pod's environment and in no log (I11).
pub(crate) const DATABASE_PASSWORD: &str = "nemesis-database-password";
/// How often sessions repeat an update: through any outage of a run, as a real engine would.
const UPDATE_RETRIES: &str = "60";

/// What to start.
#[derive(Debug, Clone)]
pub struct DeploymentPlan {
    /// API pods.
    pub apis: usize,
    /// Workers.
    pub workers: usize,
    /// Whether pods ask routers for waits.
    pub routers: bool,
    /// Whether pods know the Configuration service.
    pub configuration: bool,
    /// Where the simulated GWS listens; none: anywhere.
    pub gws: Option<GwsPorts>,
    /// The outside.
    pub simulator: Simulator,
    /// Agents and pace of the simulated floor.
    pub floor: Vec<String>,
    /// Services.
    pub services: Vec<ServiceRow>,
    /// Further settings of every pod; these win.
    pub environment: Vec<(String, String)>,
}

impl DeploymentPlan {
    /// One pod of each kind and a very fast floor.
    pub fn new(services: Vec<ServiceRow>) -> Self {
        let floor = ["--agents", "200", "--speed", "100"].map(str::to_owned).into();
        Self {
            apis: 1,
            workers: 1,
            routers: false,
            configuration: false,
            gws: None,
            simulator: Simulator::Whole,
            floor,
            services,
            environment: Vec::new(),
        }
    }

    /// The same with this many pods.
    #[must_use]
    pub fn with_pods(mut self, apis: usize, workers: usize) -> Self {
        (self.apis, self.workers) = (apis, workers);
        self
    }
}

/// A running deployment with its relays and witnesses. Lives inside a multi-threaded runtime.
#[derive(Debug)]
pub struct Deployment {
    /// The stream, recorded.
    pub ledger: Ledger,
    /// The simulator.
    pub control: Control,
    /// A client of the API pods.
    pub caller: Caller,
    /// Between pods and PostgreSQL.
    pub postgres: Relay,
    /// Between workers and Redis.
    pub redis: Relay,
    /// Between sessions and the internal listeners of all API pods.
    pub sessions: Relay,
    /// The processes.
    pub cluster: Cluster,
}

impl Deployment {
    /// Starts everything and waits until it is ready.
    ///
    /// # Errors
    /// What did not start.
    pub async fn start(plan: &DeploymentPlan) -> Result<Self> {
        let (sessions, postgres, redis) = (Relay::start(&[])?, Relay::start(&[])?, Relay::start(&[])?);
        let mut simulator_arguments = plan.floor.clone();
        simulator_arguments.extend(["--update-retries".to_owned(), UPDATE_RETRIES.to_owned()]);
        let cluster_plan = ClusterPlan {
            apis: plan.apis,
            workers: plan.workers,
            durable_postgres: true,
            simulator: plan.simulator,
            routers: plan.routers,
            configuration: plan.configuration,
            gws: plan.gws,
            simulator_arguments,
            accelerated: true,
            provisioning: vec![document(&plan.services)],
            environment: [
                ("GES_SERVER__INTERNAL_URL".into(), format!("127.0.0.1:{}", sessions.port())),
                ("GES_DB__PASSWORD".into(), DATABASE_PASSWORD.into()),
            ]
            .into_iter()
            .chain(plan.environment.clone())
            .collect(),
            ..ClusterPlan::default()
        };
        let between = |own: ServerPorts| {
            postgres.aim(&[own.postgres]);
            redis.aim(&[own.redis]);
            Ok(ServerPorts { postgres: postgres.port(), redis: redis.port() })
        };
        let programs = Programs::from_environment()?;
        let cluster = block_in_place(|| Cluster::start_behind(&programs, &cluster_plan, between))?;
        let api = |number| cluster.node(&format!("api-{number}"));
        let internal: Result<Vec<_>> = (0..plan.apis).map(|number| Ok(api(number)?.internal_port())).collect();
        sessions.aim(&internal?);
        let external: Result<Vec<_>> = (0..plan.apis)
            .map(|number| api(number)?.external_port().context("invariant: API pods have an external listener"))
            .collect();
        let ledger = Ledger::start(cluster.redis().port());
        let control = Control::new(cluster.node("ges-sim")?.internal_port())?;
        Ok(Self { ledger, control, caller: Caller::new(external?)?, postgres, redis, sessions, cluster })
    }

    /// The tenant of everything here.
    pub fn tenant() -> TenantId {
        Cluster::TENANT.parse().expect("invariant: the tenant of the simulator is a UUID")
    }

    /// Rows of a query, one a line.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub fn sql(&self, statement: &str) -> Result<String> {
        block_in_place(|| self.cluster.postgres().sql(Cluster::DATABASE, statement))
    }

    /// Waits until a count of callbacks is zero: `select count(*) from callbacks where …`.
    ///
    /// # Errors
    /// It is not zero within `limit`.
    pub async fn until_none(&self, condition: &str, limit: Duration) -> Result<Duration> {
        let begun = Instant::now();
        loop {
            let count = self.sql(&format!("select count(*) from callbacks where {condition}"))?;
            if count.trim() == "0" {
                return Ok(begun.elapsed());
            }
            if begun.elapsed() > limit {
                bail!("after {limit:?} there are still {} callbacks where {condition}", count.trim());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Lets the tenant push through the simulated FCM.
    ///
    /// # Errors
    /// The first API pod does not take the credential.
    pub async fn provision_push(&self) -> Result<()> {
        let account = self.control.service_account().await?;
        let port = self.cluster.node("api-0")?.internal_port();
        let request = reqwest::Client::builder().no_proxy().build()?;
        let request = request.put(format!("http://127.0.0.1:{port}/ges/v1/credentials/push/fcm"));
        request.header("ContactCenterId", Cluster::TENANT).json(&account).send().await?.error_for_status()?;
        Ok(())
    }

    /// The sum of a metric over all workers that run: of the series that carry `label`.
    ///
    /// # Errors
    /// A worker does not answer.
    pub async fn workers_count(&self, metric: &str, label: &str) -> Result<f64> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut sum = 0.0;
        for node in self.cluster.nodes().iter().filter(|node| node.name().starts_with("worker-") && node.id().is_some())
        {
            let page =
                http.get(format!("http://127.0.0.1:{}/metrics", node.internal_port())).send().await?.text().await?;
            let series = page.lines().filter(|line| line.starts_with(metric) && line.contains(label));
            sum += series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>();
        }
        Ok(sum)
    }

    /// Kills Redis; everything written before is in the ledger.
    ///
    /// # Errors
    /// Redis did not answer before it was killed.
    pub async fn lose_redis(&mut self) -> Result<()> {
        self.ledger.last_words().await?;
        block_in_place(|| self.cluster.kill_redis());
        Ok(())
    }

    /// Starts an empty Redis.
    ///
    /// # Errors
    /// It does not start.
    pub fn return_redis(&mut self) -> Result<()> {
        block_in_place(|| self.cluster.restart_redis())
    }
}
