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

    /// Copies a booked callback that waits `times` times: new ids and numbers, desired times spread evenly over
    /// `from_ms..until_ms`, places counted with them. Copies take every other column from what was booked.
    pub(crate) async fn multiply(&self, model: &str, times: i64, from_ms: i64, until_ms: i64) -> Result<()> {
        let copy = "with copies as ( \
                select m as model, m.desired_at as was, m.deadline - m.desired_at as ttl, m.phone as number, m.phone_key as key, \
                    $3 + ($4 - $3) * n / ($2 + 1) as desired, \
                    '1415' || 2000000 + (n * 7919 + m.service * 500000) % 8000000 as phone, \
                    lpad(to_hex(m.created_at), 12, '0') as at, gen_random_uuid()::text as random \
                from callbacks m, generate_series(1, $2) n \
                where m.id = $1::uuid \
            ), booked as ( \
                insert into callbacks \
                select r.* \
                from copies, jsonb_populate_record(null::callbacks, to_jsonb(model) || jsonb_build_object( \
                    'id', left(at, 8) || '-' || right(at, 4) || '-7' || substr(random, 16), \
                    'desired_at', desired, 'deadline', desired + ttl, 'phone', phone, \
                    'phone_key', replace(key, number, phone))) r \
                returning service, desired_at \
            ) \
            insert into slot_usage as u (service, grain, used) \
            select service, desired_at - desired_at % 300000, count(*) from booked group by 1, 2 \
            on conflict (service, grain) do update set used = u.used + excluded.used";
        let copy = sqlx::query(copy).bind(model).bind(times).bind(from_ms).bind(until_ms);
        copy.execute(&self.pool).await?;
        Ok(())
    }

    /// Another callback that waits in the same service, so many places after the first, with its desired time.
    pub(crate) async fn another(&self, model: &str, place: i64) -> Result<(String, i64)> {
        let sql = "select c.id::text, c.desired_at from callbacks c \
                   where c.service = (select service from callbacks where id = $1::uuid) and c.state = 1 \
                   order by c.desired_at offset $2 limit 1";
        let row = sqlx::query(sql).bind(model).bind(place).fetch_one(&self.pool).await?;
        Ok((row.get(0), row.get(1)))
    }

    /// Columns in which two callbacks differ, other than what is each one's own.
    pub(crate) async fn differences(&self, one: &str, other: &str) -> Result<Vec<String>> {
        let sql = "select a.key from callbacks one, callbacks other, jsonb_each(to_jsonb(one)) a, jsonb_each(to_jsonb(other)) b \
                   where one.id = $1::uuid and other.id = $2::uuid and a.key = b.key and a.value <> b.value \
                   and a.key not in ('id', 'created_at', 'phone', 'phone_key') order by 1";
        let rows = sqlx::query(sql).bind(one).bind(other).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Grains whose counted places are not the callbacks that hold them.
    pub(crate) async fn miscounted(&self) -> Result<i64> {
        let sql = "select count(*) from (select service, desired_at - desired_at % 300000 as grain, count(*) as held \
                   from callbacks where kind = 2 group by 1, 2) c full join slot_usage u using (service, grain) \
                   where coalesce(c.held, 0) <> coalesce(u.used, 0)";
        Ok(sqlx::query(sql).fetch_one(&self.pool).await?.get(0))
    }

    /// Every callback with its service, in the order in which services hand theirs over.
    pub(crate) async fn order(&self) -> Result<Vec<(String, i32)>> {
        let sql = "select id::text, service from callbacks \
                   order by service, desired_at, -coalesce(priority, 0), created_at, id";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Callbacks that wait.
    pub(crate) async fn waiting(&self) -> Result<i64> {
        let sql = "select count(*) from callbacks where state = 1 and submitted_at is null";
        Ok(sqlx::query(sql).fetch_one(&self.pool).await?.get(0))
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
