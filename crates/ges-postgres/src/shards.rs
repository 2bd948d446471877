//! Leases of shards by the server's clock. A heartbeat with nothing to change is one statement that writes one row.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ges_domain::ports::{SHARDS, Shard, ShardLease, Shards, StoreError};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::PgStore;
use crate::error::{reading, unavailable};

/// Who may balance: one node at a time.
const LOCK: i64 = 0x0047_4553_0002;

/// The server's time in milliseconds.
macro_rules! server_now {
    () => {
        "(extract(epoch from clock_timestamp()) * 1000)::bigint"
    };
}

/// Whether a lease (`$shard`, `$epoch` name the parameters) is current: the epoch is the last, and its node is alive.
macro_rules! lease_holds {
    ($shard:literal, $epoch:literal) => {
        concat!(
            "exists (select 1 from monitor_shards m join monitor_nodes n on n.node = m.node where m.shard = ",
            $shard,
            " and m.epoch = ",
            $epoch,
            " and n.expires_at > ",
            $crate::shards::server_now!(),
            ")"
        )
    };
}
pub(crate) use {lease_holds, server_now};

/// One shard as a node sees it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    lease: ShardLease,
    mine: bool,
    /// Whether a living node, maybe this one, holds it.
    held: bool,
}

/// What a node sees of all shards.
#[derive(Debug, Clone)]
struct View {
    /// Whether its own lease still ran.
    beating: bool,
    /// Living nodes, this one included.
    alive: usize,
    shards: Vec<Seen>,
}

/// What a node changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Plan {
    give_up: Vec<i16>,
    take: Vec<i16>,
}

impl View {
    fn read(rows: &[PgRow]) -> Result<Self, StoreError> {
        let mut view = Self { beating: false, alive: 1, shards: Vec::with_capacity(rows.len()) };
        for row in rows {
            let get = |column| row.try_get::<bool, _>(column).map_err(reading("monitor_shards"));
            let shard: i16 = row.try_get("shard").map_err(reading("monitor_shards"))?;
            let epoch: i64 = row.try_get("epoch").map_err(reading("monitor_shards"))?;
            let others: i64 = row.try_get("others").map_err(reading("monitor_nodes"))?;
            view.beating = get("beating")?;
            view.alive = usize::try_from(others).unwrap_or(0) + 1;
            let shard = Shard(u8::try_from(shard).expect("invariant: monitor_shards_range"));
            let lease = ShardLease { shard, epoch: epoch.cast_unsigned() };
            view.shards.push(Seen { lease, mine: get("mine")?, held: get("held")? });
        }
        Ok(view)
    }

    /// Takes what nobody alive holds up to a fair share, gives up what is beyond it. A node whose lease ran out holds
    /// nothing: what still carries its name it takes afresh.
    fn plan(&self) -> Plan {
        let share = usize::from(SHARDS).div_ceil(self.alive);
        let key = |seen: &Seen| i16::from(seen.lease.shard.0);
        let mine = || self.shards.iter().filter(|seen| self.beating && seen.mine);
        let give_up: Vec<_> = mine().skip(share).map(key).collect();
        let missing = share.saturating_sub(mine().count());
        let free = self.shards.iter().filter(|seen| !seen.held || (seen.mine && !self.beating));
        Plan { give_up, take: free.take(missing).map(key).collect() }
    }

    /// The leases after `plan`.
    fn after(&self, plan: &Plan) -> Vec<ShardLease> {
        let taken: BTreeSet<_> = plan.take.iter().copied().collect();
        let given: BTreeSet<_> = plan.give_up.iter().copied().collect();
        let leases = self.shards.iter().filter_map(|seen| {
            let (shard, ShardLease { epoch, .. }) = (seen.lease.shard, seen.lease);
            let key = i16::from(shard.0);
            match taken.contains(&key) {
                true => Some(ShardLease { shard, epoch: epoch + 1 }),
                false => (self.beating && seen.mine && !given.contains(&key)).then_some(seen.lease),
            }
        });
        leases.collect()
    }
}

macro_rules! view {
    ($beating:literal) => {
        concat!(
            "select s.shard, s.epoch, ",
            $beating,
            " as beating, coalesce(s.node = $1, false) as mine,
            exists (select 1 from monitor_nodes n where n.node = s.node and n.expires_at > ",
            server_now!(),
            ") as held,
            (select count(*) from monitor_nodes n where n.node <> $1 and n.expires_at > ",
            server_now!(),
            ") as others
            from monitor_shards s
            order by s.shard"
        )
    };
}

#[async_trait]
impl Shards for PgStore {
    async fn hold(&self, node: &str) -> Result<Vec<ShardLease>, StoreError> {
        let beat = concat!(
            "with beat as (
                update monitor_nodes
                set expires_at = ",
            server_now!(),
            " + $2
                where node = $1 and expires_at > ",
            server_now!(),
            " returning 1
            ) ",
            view!("exists (select 1 from beat)")
        );
        let lease_ms = i64::try_from(self.0.lease.as_millis()).unwrap_or(i64::MAX);
        let rows = sqlx::query(beat).bind(node).bind(lease_ms).fetch_all(self.pool()).await.map_err(unavailable)?;
        self.beaten();
        let view = View::read(&rows)?;
        let plan = view.plan();
        if view.beating && plan == Plan::default() {
            return Ok(view.after(&plan));
        }
        let (store, node) = (self.clone(), node.to_owned());
        self.uncancelled(async move { store.balance(&node, lease_ms).await }).await
    }

    async fn release(&self, node: &str) -> Result<(), StoreError> {
        let release = sqlx::query(
            "with gone as (delete from monitor_nodes where node = $1)
            update monitor_shards
            set node = null
            where node = $1",
        );
        release.bind(node).execute(self.pool()).await.map(drop).map_err(unavailable)
    }
}

impl PgStore {
    /// The rare heartbeat that changes something, one node at a time.
    async fn balance(&self, node: &str, lease_ms: i64) -> Result<Vec<ShardLease>, StoreError> {
        let mut transaction = self.pool().begin().await.map_err(unavailable)?;
        let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK);
        lock.execute(&mut *transaction).await.map_err(unavailable)?;
        let look = view!("exists (select 1 from monitor_nodes n where n.node = $1 and n.expires_at > $2)");
        let now: i64 = sqlx::query_scalar(concat!("select ", server_now!()))
            .fetch_one(&mut *transaction)
            .await
            .map_err(unavailable)?;
        let rows = sqlx::query(look).bind(node).bind(now).fetch_all(&mut *transaction).await.map_err(unavailable)?;
        let view = View::read(&rows)?;
        let plan = view.plan();
        let write = sqlx::query(
            "with forgotten as (
                delete from monitor_nodes
                where expires_at <= $2 and node <> $1
            ), beat as (
                insert into monitor_nodes (node, expires_at)
                values ($1, $2 + $3)
                on conflict (node) do update set expires_at = excluded.expires_at
            )
            update monitor_shards
            set node = case when shard = any ($4) then null else $1 end,
                epoch = epoch + case when shard = any ($4) then 0 else 1 end
            where shard = any ($4) or shard = any ($5)",
        );
        let write = write.bind(node).bind(now).bind(lease_ms).bind(&plan.give_up).bind(&plan.take);
        write.execute(&mut *transaction).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(view.after(&plan))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(beating: bool, alive: usize, owner: impl Fn(u8) -> (bool, bool)) -> View {
        let seen = |shard| {
            let (mine, held) = owner(shard);
            Seen { lease: ShardLease { shard: Shard(shard), epoch: 1 }, mine, held }
        };
        View { beating, alive, shards: (0..SHARDS).map(seen).collect() }
    }

    #[test]
    fn a_lone_node_takes_everything_and_then_has_nothing_to_change() {
        let new = view(false, 1, |_| (false, false));
        assert_eq!(new.plan().take.len(), 64);
        assert!(new.after(&new.plan()).iter().all(|lease| lease.epoch == 2));
        assert_eq!(view(true, 1, |_| (true, true)).plan(), Plan::default());
    }

    #[test]
    fn a_second_node_gets_half_once_the_first_has_given_it_up() {
        let first = view(true, 2, |_| (true, true));
        assert_eq!(first.plan().give_up.len(), 32);
        assert_eq!(first.after(&first.plan()).len(), 32);
        assert_eq!(view(true, 2, |_| (false, true)).plan(), Plan::default(), "nothing is free yet");
        assert_eq!(view(true, 2, |shard| (false, shard < 32)).plan().take.len(), 32);
    }

    #[test]
    fn a_node_that_was_silent_too_long_comes_back_with_new_epochs() {
        let late = view(false, 1, |_| (true, false));
        assert!(late.after(&late.plan()).iter().all(|lease| lease.epoch == 2), "what it held is lost");
    }
}
