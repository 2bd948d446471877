//! Who runs the monitor of a shard: nodes that were heard of lately, and an epoch per shard.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ges_domain::Instant;
use ges_domain::ports::{SHARDS, Shard, ShardLease, Shards, StoreError};

use super::MemoryStore;

/// Nodes and what they hold.
pub(super) struct Holders {
    /// Until when each node is taken for alive.
    nodes: BTreeMap<String, Instant>,
    /// By shard: who holds it, and the epoch of the last change of owner.
    shards: Vec<(Option<String>, u64)>,
}

impl Default for Holders {
    fn default() -> Self {
        Self { nodes: BTreeMap::new(), shards: vec![(None, 0); usize::from(SHARDS)] }
    }
}

impl Holders {
    /// Whether the lease is the last one given out for its shard.
    pub(super) fn is_current(&self, lease: ShardLease) -> bool {
        let held = self.shards.get(usize::from(lease.shard.0));
        held.is_some_and(|(owner, epoch)| owner.is_some() && *epoch == lease.epoch)
    }

    fn forget(&mut self, gone: impl Fn(&str, Instant) -> bool) {
        self.nodes.retain(|node, until| !gone(node, *until));
        for (owner, _) in &mut self.shards {
            if owner.as_ref().is_some_and(|owner| !self.nodes.contains_key(owner)) {
                *owner = None;
            }
        }
    }

    fn held_by<'a>(&'a mut self, node: &'a str) -> impl Iterator<Item = (u8, &'a mut (Option<String>, u64))> {
        (0..SHARDS).zip(&mut self.shards).filter(move |(_, (owner, _))| owner.as_deref() == Some(node))
    }
}

#[async_trait]
impl Shards for MemoryStore {
    async fn hold(&self, node: &str) -> Result<Vec<ShardLease>, StoreError> {
        let now = self.now();
        let mut state = self.open()?;
        let holders = &mut state.shards;
        holders.forget(|_, until| until <= now);
        holders.nodes.insert(node.to_owned(), now + self.lease());
        let share = usize::from(SHARDS).div_ceil(holders.nodes.len());
        for (_, (owner, _)) in holders.held_by(node).skip(share) {
            *owner = None;
        }
        let missing = share.saturating_sub(holders.held_by(node).count());
        // What this node has just given up is not taken back: it holds a full share then.
        for (owner, epoch) in holders.shards.iter_mut().filter(|(owner, _)| owner.is_none()).take(missing) {
            *owner = Some(node.to_owned());
            *epoch += 1;
        }
        Ok(holders.held_by(node).map(|(shard, (_, epoch))| ShardLease { shard: Shard(shard), epoch: *epoch }).collect())
    }

    async fn release(&self, node: &str) -> Result<(), StoreError> {
        self.open()?.shards.forget(|known, _| known == node);
        Ok(())
    }
}
