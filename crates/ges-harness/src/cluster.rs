//! A whole deployment as processes on one machine: PostgreSQL, Redis, the simulated outside, API pods and workers.
//!
//! The programs are configured by documented environment keys alone and provisioned by `ges-api provision`, as an
//! operator would.

mod node;
mod plan;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::{Postgres, Program, Programs, Redis, Signal, free_port, run_folder, workspace_binary};
pub use node::Node;
pub use plan::{ClusterPlan, GwsPorts, Simulator};

/// How long a program may take until it is ready, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often the programs are started before a port that is in use is an error.
const STARTS: u32 = 4;
/// How long an orderly end may take.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// Where the two servers listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerPorts {
    /// The record store.
    pub postgres: u16,
    /// The orchestration Redis.
    pub redis: u16,
}

/// A running deployment; every process ends when it is dropped.
///
/// Nodes are called `api-0`, `api-1`, …, `worker-0`, …, and `ges-sim`.
#[derive(Debug)]
pub struct Cluster {
    // In this order things are dropped: clients before servers, the folder last.
    nodes: Vec<Node>,
    redis: Redis,
    postgres: Postgres,
    programs: Programs,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Name of the database and of the role that owns it. API pods connect as this role.
    pub const DATABASE: &str = "ges";
    /// The role of workers: a member of the owner, so that the server's statistics tell the two apart.
    pub const WORKER_ROLE: &str = "ges_worker";
    /// The tenant that the simulator knows from the start.
    pub const TENANT: &str = "c0ffee00-0000-4000-8000-000000000100";
    /// Its API key.
    pub const API_KEY: &str = "00000000-0000-4000-8000-00000000a001";
    /// Where every node says whether it is ready, on its internal port.
    pub const READY: &str = "/ges/v1/health/ready";

    /// Starts the servers named by the environment (see [`Programs::from_environment`]) and everything of the plan, and
    /// waits until all of it is ready.
    ///
    /// # Errors
    /// What did not start, with the end of its log.
    pub fn start(plan: &ClusterPlan) -> Result<Self> {
        Self::start_on(&Programs::from_environment()?, plan)
    }

    /// The same on servers whose programs the caller knows.
    ///
    /// # Errors
    /// What did not start, with the end of its log.
    pub fn start_on(programs: &Programs, plan: &ClusterPlan) -> Result<Self> {
        Self::start_behind(programs, plan, Ok)
    }

    /// The same with something between the pods and the servers: `between` takes the servers' ports and answers those that
    /// pods connect to. Provisioning and the simulator go the direct way.
    ///
    /// # Errors
    /// What did not start, with the end of its log.
    pub fn start_behind(
        programs: &Programs,
        plan: &ClusterPlan,
        between: impl FnOnce(ServerPorts) -> Result<ServerPorts>,
    ) -> Result<Self> {
        let folder = run_folder()?;
        let at = folder.path();
        let settings = plan.postgres_settings.clone();
        let postgres =
            Postgres::start_with(&programs.postgres, &at.join("postgres"), None, !plan.durable_postgres, settings)?;
        let (owner, worker) = (Self::DATABASE, Self::WORKER_ROLE);
        postgres.sql("postgres", &format!("create role {owner} login password 'ges'"))?;
        postgres.sql("postgres", &format!("create role {worker} login password 'ges' in role {owner}"))?;
        postgres.sql("postgres", &format!("create database {owner} owner {owner}"))?;
        let redis = Redis::start(&programs.redis, &at.join("redis"))?;
        let mut cluster = Self { nodes: Vec::new(), redis, postgres, programs: programs.clone(), folder };
        let own = ServerPorts { postgres: cluster.postgres.port(), redis: cluster.redis.port() };
        let servers = between(own)?;
        for _ in 1..STARTS {
            match cluster.programs_start(plan, servers, own.redis) {
                // Another process has bound a port between its choice and its use.
                Err(error) if format!("{error:#}").contains("in use") => {}
                started => return started.map(|()| cluster),
            }
        }
        cluster.programs_start(plan, servers, own.redis)?;
        Ok(cluster)
    }

    /// Starts all programs, on ports chosen now.
    fn programs_start(&mut self, plan: &ClusterPlan, servers: ServerPorts, redis: u16) -> Result<()> {
        self.nodes = plan::nodes(plan, servers, redis)?;
        self.each_starts("ges-sim")?;
        for document in &plan.provisioning {
            self.provision(document)?;
        }
        // One API pod after the other: the first brings the schema up to date.
        self.each_starts("api-")?;
        self.each_starts("worker-")
    }

    fn each_starts(&mut self, prefix: &str) -> Result<()> {
        let folder = self.folder.path();
        self.nodes.iter_mut().filter(|node| node.name().starts_with(prefix)).try_for_each(|node| node.start(folder))
    }

    /// Applies a provisioning document, as `ges-api provision FILE.json` does.
    ///
    /// # Errors
    /// With what the program said.
    pub fn provision(&self, document: &str) -> Result<()> {
        let file = self.folder.path().join("provisioning.json");
        std::fs::write(&file, document)?;
        let environment = plan::provisioner(self.postgres.port());
        let (binary, file) = (workspace_binary("ges-api")?, file.display().to_string());
        let mut program =
            Program::start("provision", &binary, &["provision", &file], &environment, self.folder.path())?;
        let status = program.wait(READY_WITHIN)?;
        if !status.success() {
            bail!("`ges-api provision` ended with {status}:\n{}", program.tail());
        }
        Ok(())
    }

    /// The node of that name.
    ///
    /// # Errors
    /// The plan has none.
    pub fn node(&self, name: &str) -> Result<&Node> {
        self.nodes.iter().find(|node| node.name() == name).with_context(|| format!("the plan has no {name}"))
    }

    /// The node of that name.
    ///
    /// # Errors
    /// The plan has none.
    pub fn node_mut(&mut self, name: &str) -> Result<&mut Node> {
        self.nodes.iter_mut().find(|node| node.name() == name).with_context(|| format!("the plan has no {name}"))
    }

    /// All nodes: the simulator, API pods, workers.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Process id of a node.
    ///
    /// # Errors
    /// It does not run, or the plan has none.
    pub fn id(&self, name: &str) -> Result<u32> {
        self.node(name)?.id().with_context(|| format!("{name} does not run"))
    }

    /// Everything a node has written, over all its starts.
    ///
    /// # Errors
    /// The plan has none.
    pub fn log(&self, name: &str) -> Result<String> {
        Ok(self.node(name)?.log(self.folder.path()))
    }

    /// Kills a node without a word (SIGKILL).
    ///
    /// # Errors
    /// It does not run, or the plan has none.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        self.node_mut(name)?.kill()
    }

    /// Ends a node in order (SIGTERM) and waits for its end.
    ///
    /// # Errors
    /// It does not run, does not end in time or with another status than 0, or the plan has none.
    pub fn terminate(&mut self, name: &str) -> Result<()> {
        self.node_mut(name)?.terminate(ENDS_WITHIN)
    }

    /// Waits for the end of a node that has been told to end.
    ///
    /// # Errors
    /// It does not run, does not end in time or with another status than 0, or the plan has none.
    pub fn await_end(&mut self, name: &str, limit: Duration) -> Result<()> {
        self.node_mut(name)?.await_end(limit)
    }

    /// Makes a node stand still (SIGSTOP): its connections stay open and nothing answers.
    ///
    /// # Errors
    /// It does not run, or the plan has none.
    pub fn freeze(&self, name: &str) -> Result<()> {
        self.node(name)?.signal(Signal::Stop)
    }

    /// Lets a frozen node go on (SIGCONT).
    ///
    /// # Errors
    /// It does not run, or the plan has none.
    pub fn thaw(&self, name: &str) -> Result<()> {
        self.node(name)?.signal(Signal::Continue)
    }

    /// Starts a node that was killed or ended, on the same ports; answers how long it took until it was ready.
    ///
    /// # Errors
    /// It does not become ready, or the plan has none.
    pub fn restart(&mut self, name: &str) -> Result<Duration> {
        let folder = self.folder.path().to_owned();
        let node = self.node_mut(name)?;
        node.start(&folder)?;
        node.ready_after().with_context(|| format!("{name} does not run"))
    }

    /// Starts a node and does not wait until it is ready.
    ///
    /// # Errors
    /// It cannot be started, or the plan has none.
    pub fn launch(&mut self, name: &str) -> Result<()> {
        let folder = self.folder.path().to_owned();
        self.node_mut(name)?.launch(&folder)
    }

    /// Kills Redis without a word; what it held is gone.
    pub fn kill_redis(&mut self) {
        self.redis.kill();
    }

    /// Starts an empty Redis on the same port.
    ///
    /// # Errors
    /// It does not answer in time.
    pub fn restart_redis(&mut self) -> Result<()> {
        self.redis.start_again(&self.programs.redis, &self.folder.path().join("redis"))
    }

    /// The orchestration Redis.
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// The record store; it can be halted and started again.
    pub fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// URL of the service's database, as superuser.
    pub fn database_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.postgres.port(), Self::DATABASE)
    }

    /// Where logs and data are; gone when the cluster is dropped.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
