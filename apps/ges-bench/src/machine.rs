//! What processes have used, as `/proc` tells.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ges_harness::Cluster;

/// Processor time of the API pods, of PostgreSQL with all its processes, and of Redis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) apis: Duration,
    pub(crate) postgres: Duration,
    pub(crate) redis: Duration,
}

impl Spent {
    /// Up to this moment.
    pub(crate) fn so_far(cluster: &Cluster) -> Result<Self> {
        let apis = cluster.nodes().iter().filter(|node| node.name().starts_with("api-")).filter_map(|node| node.id());
        let apis = apis.filter_map(ges_harness::cpu_time_of).sum();
        let redis = cluster.redis().id().and_then(ges_harness::cpu_time_of).unwrap_or_default();
        Ok(Self { apis, postgres: with_children(cluster.postgres().id()?)?, redis })
    }

    /// What was used since an earlier moment.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            apis: self.apis.saturating_sub(earlier.apis),
            postgres: self.postgres.saturating_sub(earlier.postgres),
            redis: self.redis.saturating_sub(earlier.redis),
        }
    }

    /// All of it.
    pub(crate) fn total(self) -> Duration {
        self.apis + self.postgres + self.redis
    }
}

/// A process, its living children, and those it has buried.
fn with_children(id: u32) -> Result<Duration> {
    let mut ticks = ticks(id, 4).with_context(|| format!("process {id} is gone"))?;
    for entry in std::fs::read_dir("/proc")? {
        let Some(child) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if parent(child) == Some(id) {
            // A child may end between the listing and here; its time is then in its parent's next reading.
            ticks += self::ticks(child, 2).unwrap_or(0);
        }
    }
    Ok(Duration::from_millis(ticks * 10))
}

fn stat(id: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before the last bracket may hold anything.
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn parent(id: u32) -> Option<u32> {
    stat(id)?.get(1)?.parse().ok()
}

/// The first `fields` of: user, system, children's user, children's system.
fn ticks(id: u32, fields: usize) -> Option<u64> {
    stat(id)?.get(11..11 + fields)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

/// Memory of a process now and at its peak, in megabytes of 2^20 bytes.
pub(crate) fn memory_mib(id: u32) -> Result<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).context("the process is gone")?;
    let field = |name: &str| -> Result<f64> {
        let line = status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
        Ok(line.split_whitespace().nth(1).unwrap_or_default().parse::<f64>()? / 1024.0)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_parent_and_memory() {
        let own = std::process::id();
        assert!(parent(own).is_some() && with_children(own).is_ok());
        let (now, peak) = memory_mib(own).unwrap();
        assert!(now > 0.0 && peak >= now);
    }
}
