//! What PostgreSQL knows about the service: statements by role, sizes.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use ges_harness::Cluster;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Row as _};

/// A superuser's view of the service's database.
#[derive(Debug)]
pub(crate) struct Store {
    pool: PgPool,
}

/// Statements run so far, by role and text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statements(BTreeMap<(String, String), f64>);

impl Statements {
    /// What was run since an earlier moment.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let ran = |(key, calls): (&(String, String), &f64)| {
            let ran = calls - earlier.0.get(key).copied().unwrap_or(0.0);
            (ran > 0.0).then(|| (key.clone(), ran))
        };
        Self(self.0.iter().filter_map(ran).collect())
    }

    /// Of one role.
    pub(crate) fn of(&self, role: &str) -> f64 {
        self.0.iter().filter(|((found, _), _)| found == role).map(|(_, calls)| calls).sum()
    }

    /// Of API pods and workers.
    pub(crate) fn total(&self) -> f64 {
        self.of(Cluster::DATABASE) + self.of(Cluster::WORKER_ROLE)
    }

    /// The most frequent ones, per `unit`, for people.
    pub(crate) fn list(&self, unit: f64) -> String {
        let mut list: Vec<_> = self.0.iter().filter(|((role, _), _)| role != "postgres").collect();
        list.sort_by(|one, other| other.1.total_cmp(one.1));
        let line = |((role, query), calls): (&(String, String), &f64)| {
            let words: Vec<_> = query.split_whitespace().collect();
            let text: String = words.join(" ").chars().take(90).collect();
            format!("{:.2}× {role}: {text}", calls / unit)
        };
        list.into_iter().take(25).map(line).collect::<Vec<_>>().join("; ")
    }
}

impl Store {
    pub(crate) async fn open(cluster: &Cluster) -> Result<Self> {
        let pool = PgPoolOptions::new().max_connections(2).connect(&cluster.database_url()).await?;
        Ok(Self { pool })
    }

    /// Begins to count statements; the server has loaded the module that does.
    pub(crate) async fn count_statements(&self) -> Result<()> {
        sqlx::query("create extension if not exists pg_stat_statements").execute(&self.pool).await?;
        Ok(())
    }

    /// Statements so far, transaction control included.
    pub(crate) async fn statements(&self) -> Result<Statements> {
        let sql = "select r.rolname::text, s.query, sum(s.calls)::float8 from pg_stat_statements s \
                   join pg_roles r on r.oid = s.userid where s.query is not null group by 1, 2";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await?;
        let statements = rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect();
        Ok(Statements(statements))
    }

    /// Where the server's time went since [`Store::forget_times`], slowest first, for people.
    pub(crate) async fn slowest(&self) -> Result<String> {
        let sql = "select s.calls::float8, s.total_exec_time, s.query from pg_stat_statements s \
                   join pg_roles r on r.oid = s.userid where r.rolname <> 'postgres' and s.query is not null \
                   order by s.total_exec_time desc limit 6";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await?;
        let line = |row: &sqlx::postgres::PgRow| {
            let (calls, ms, query): (f64, f64, String) = (row.get(0), row.get(1), row.get(2));
            let words: Vec<_> = query.split_whitespace().collect();
            let text: String = words.join(" ").chars().take(70).collect();
            format!("{ms:.0} ms in {calls} calls: {text}")
        };
        Ok(rows.iter().map(line).collect::<Vec<_>>().join("; "))
    }

    /// Begins to count anew.
    pub(crate) async fn forget_times(&self) -> Result<()> {
        sqlx::query("select pg_stat_statements_reset()").execute(&self.pool).await?;
        Ok(())
    }

    /// Bytes of all tables with their indexes and large values, after the space of dead rows is free again.
    pub(crate) async fn table_bytes(&self) -> Result<BTreeMap<String, f64>> {
        sqlx::query("vacuum").execute(&self.pool).await?;
        let sql = "select relname::text, pg_total_relation_size(oid)::float8 from pg_class \
                   where relkind = 'r' and relnamespace = 'public'::regnamespace";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Callbacks that have come to their end.
    pub(crate) async fn completed(&self) -> Result<i64> {
        let sql = "select count(*) from callbacks where completed_at is not null";
        let row = sqlx::query(sql).fetch_one(&self.pool).await.context("no table of callbacks")?;
        Ok(row.get(0))
    }

    /// Writes everything down, so that a check-point of earlier work does not fall into the next measurement.
    pub(crate) async fn checkpoint(&self) -> Result<()> {
        sqlx::query("checkpoint").execute(&self.pool).await?;
        Ok(())
    }
}
