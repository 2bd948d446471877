//! A Redis Cluster of our own: real servers that agree among themselves on who serves which keys.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::program::send_signal;
use super::redis::ask;
use super::{Redis, Signal, free_port};

/// Keys are spread over so many slots.
const SLOTS: usize = 16_384;
/// When a node that says nothing is held for lost by the others, in milliseconds.
const NODE_TIMEOUT_MS: &str = "1000";
/// How long the nodes may take to agree.
const AGREED_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// A running cluster; every server ends when it is dropped.
#[derive(Debug)]
pub struct RedisCluster {
    /// Primaries first, then their replicas in the same order.
    nodes: Vec<(Redis, PathBuf)>,
    program: PathBuf,
}

impl RedisCluster {
    /// Starts `primaries` servers that share the slots, each with a replica if `replicas`, working in folders under `folder`,
    /// and waits until all agree and every replica is in sync. A failover needs three primaries or more.
    ///
    /// # Errors
    /// A server does not start, or they do not agree in time.
    pub fn start(program: &Path, folder: &Path, primaries: usize, replicas: bool) -> Result<Self> {
        let mut cluster = Self { nodes: Vec::new(), program: program.to_owned() };
        for number in 0..primaries * if replicas { 2 } else { 1 } {
            let at = folder.join(format!("redis-{number}"));
            cluster.nodes.push((Redis::start_with(program, &at, settings)?, at));
        }
        cluster.agree(primaries).context("the servers do not form a cluster")?;
        Ok(cluster)
    }

    /// Ports of all nodes, whether they run or not.
    pub fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|(node, _)| node.port()).collect()
    }

    /// Port of the primary that serves `key` now.
    ///
    /// # Errors
    /// None does.
    pub fn owner(&self, key: &str) -> Result<u16> {
        // Everybody else, replicas too, names the one who does.
        let serves = |port: &u16| ask(*port, &format!("EXISTS {key}")).is_ok_and(|answer| answer.parse::<u8>().is_ok());
        self.ports().into_iter().find(serves).with_context(|| format!("nobody serves {key}"))
    }

    /// Waits until `key` is served by another node than `before`; answers its port.
    ///
    /// # Errors
    /// It is not within `limit`.
    pub fn next_owner(&self, key: &str, before: u16, limit: Duration) -> Result<u16> {
        let begun = Instant::now();
        loop {
            match self.owner(key) {
                Ok(owner) if owner != before => return Ok(owner),
                _ if begun.elapsed() > limit => bail!("{key} has no new owner within {limit:?}"),
                _ => pause(),
            }
        }
    }

    /// Lets the replica of the primary that serves `key` take over in good order; answers the port of the new one.
    ///
    /// # Errors
    /// There is no replica, or it does not take over in time.
    pub fn hand_over(&self, key: &str) -> Result<u16> {
        let owner = self.owner(key)?;
        ask(self.replica_of(owner)?, "CLUSTER FAILOVER")?;
        self.next_owner(key, owner, AGREED_WITHIN)
    }

    /// Port of a replica of the primary on this port.
    ///
    /// # Errors
    /// It has none.
    pub fn replica_of(&self, primary: u16) -> Result<u16> {
        let id = ask(primary, "CLUSTER MYID")?;
        let nodes = ask(primary, "CLUSTER NODES")?;
        let replica = nodes.lines().find(|line| line.split(' ').nth(3) == Some(id.as_str()) && line.contains("slave"));
        let address =
            replica.and_then(|line| line.split(' ').nth(1)?.split('@').next()?.rsplit(':').next()?.parse().ok());
        address.with_context(|| format!("the primary on port {primary} has no replica"))
    }

    /// Waits until the replica of a primary has everything that was written before.
    ///
    /// # Errors
    /// It has none, or does not get everything in time.
    pub fn await_copied(&self, primary: u16) -> Result<()> {
        let offset = |text: &str, name: &str| -> Option<u64> {
            text.split([',', '\r', '\n']).find_map(|part| part.strip_prefix(name)?.parse().ok())
        };
        let written = offset(&ask(primary, "INFO replication")?, "master_repl_offset:").context("a primary knows")?;
        // It tells once a second how far it is.
        await_all(&[primary], |port| Ok(offset(&ask(port, "INFO replication")?, "offset=") >= Some(written)))
    }

    /// Sends one command to a node and answers what it says, lines for a list. Words are separated by spaces.
    ///
    /// # Errors
    /// The node does not answer, or refuses.
    pub fn ask(&self, port: u16, command: &str) -> Result<String> {
        ask(port, command)
    }

    /// Kills a node without a word.
    ///
    /// # Errors
    /// There is none on this port.
    pub fn kill(&mut self, port: u16) -> Result<()> {
        self.node_mut(port)?.0.kill();
        Ok(())
    }

    /// Starts a node that was killed, empty, on the same port; it learns from the others what it is now.
    ///
    /// # Errors
    /// There is none on this port, or it does not answer in time.
    pub fn start_again(&mut self, port: u16) -> Result<()> {
        let program = self.program.clone();
        let (node, folder) = self.node_mut(port)?;
        node.start_again(&program, folder)
    }

    /// Makes a node stand still: its connections stay open and nothing answers.
    ///
    /// # Errors
    /// None runs on this port.
    pub fn freeze(&mut self, port: u16) -> Result<()> {
        send_signal(self.running(port)?, Signal::Stop)
    }

    /// Lets a frozen node go on.
    ///
    /// # Errors
    /// None runs on this port.
    pub fn thaw(&mut self, port: u16) -> Result<()> {
        send_signal(self.running(port)?, Signal::Continue)
    }

    fn running(&mut self, port: u16) -> Result<u32> {
        self.node_mut(port)?.0.id().with_context(|| format!("the node on port {port} does not run"))
    }

    fn node_mut(&mut self, port: u16) -> Result<&mut (Redis, PathBuf)> {
        let found = self.nodes.iter_mut().find(|(node, _)| node.port() == port);
        found.with_context(|| format!("the cluster has no node on port {port}"))
    }

    /// What `redis-cli --cluster create` does.
    fn agree(&self, primaries: usize) -> Result<()> {
        let ports = self.ports();
        let (leaders, followers) = ports.split_at(primaries);
        for (number, port) in ports.iter().enumerate() {
            ask(*port, &format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1))?;
        }
        for (number, port) in leaders.iter().enumerate() {
            let (from, until) = (number * SLOTS / primaries, (number + 1) * SLOTS / primaries);
            ask(*port, &format!("CLUSTER ADDSLOTSRANGE {from} {}", until - 1))?;
        }
        for port in &ports[1..] {
            let bus = ask(*port, "CONFIG GET cluster-port")?;
            let bus = bus.lines().last().context("a node tells no bus port")?;
            ask(ports[0], &format!("CLUSTER MEET 127.0.0.1 {port} {bus}"))?;
        }
        let all = format!("cluster_known_nodes:{}", ports.len());
        await_all(&ports, |port| Ok(ask(port, "CLUSTER INFO")?.contains(&all)))?;
        for (leader, follower) in leaders.iter().zip(followers) {
            let id = ask(*leader, "CLUSTER MYID")?;
            await_all(&[*follower], |port| Ok(ask(port, &format!("CLUSTER REPLICATE {id}")).is_ok()))?;
        }
        // A primary that is lost before its replica is in sync, or before all know of it, is lost for good.
        await_all(followers, |port| Ok(ask(port, "INFO replication")?.contains("master_link_status:up")))?;
        await_all(&ports, |port| {
            let (state, nodes) = (ask(port, "CLUSTER INFO")?, ask(port, "CLUSTER NODES")?);
            let known = nodes.lines().filter(|line| line.contains("slave")).count() == followers.len();
            Ok(known && state.contains("cluster_state:ok"))
        })
    }
}

fn settings() -> Result<Vec<String>> {
    // By itself the bus would take a port from where the system takes those of outgoing connections.
    let bus = free_port()?.to_string();
    let settings = [
        ("--cluster-enabled", "yes"),
        ("--cluster-port", &bus),
        ("--cluster-node-timeout", NODE_TIMEOUT_MS),
        ("--cluster-announce-ip", "127.0.0.1"),
        // However old its copy is, a replica takes over.
        ("--cluster-replica-validity-factor", "0"),
        ("--repl-diskless-sync-delay", "0"),
    ];
    Ok(settings.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect())
}

fn await_all(ports: &[u16], so: impl Fn(u16) -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    for port in ports {
        while !so(*port)? {
            if begun.elapsed() > AGREED_WITHIN {
                bail!("the node on port {port} does not agree; it says:\n{}", ask(*port, "CLUSTER NODES")?);
            }
            pause();
        }
    }
    Ok(())
}

fn pause() {
    // Real processes have no virtual time to wait in.
    std::thread::park_timeout(PAUSE);
}
