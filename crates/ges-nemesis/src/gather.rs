//! Puts the witnesses together: clients, stream, sessions, record.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context as _, Result};
use ges_domain::callback::Change;
use ges_domain::invariants::{CellLimit, Dial, Evidence, LogText, SessionTold, Story};
use ges_domain::ports::Record as _;
use ges_domain::slots::Cell;
use ges_domain::{CallbackId, Instant, ServiceName, TenantId};
use ges_harness::Cluster;
use ges_postgres::{PgSettings, PgStore};

use crate::deployment::{DATABASE_PASSWORD, Deployment};
use crate::history::History;
use crate::{Clients, now};

/// Cells of every service here, aligned to UTC.
const CELL_MS: i64 = 15 * 60 * 1000;
/// The client credentials of the simulator's default client, as HTTP Basic sends them.
const CLIENT_CREDENTIALS: &str = "Z2VzX2NsaWVudDpzZWNyZXQ=";

/// A service whose cells have few places.
#[derive(Debug, Clone, Copy)]
pub struct Limited<'a> {
    /// Its name.
    pub service: &'a str,
    /// Places in every cell.
    pub places: u32,
}

/// Everything that is known after a run.
///
/// # Errors
/// A witness does not answer.
pub async fn gather(
    deployment: &Deployment,
    history: &History,
    limited: &[Limited<'_>],
    at_rest: bool,
) -> Result<Evidence> {
    deployment.control.look().await?;
    let stories = stories(deployment).await?;
    let cells = cells(&stories, limited)?;
    let (sessions, dials) = sessions(deployment, &stories);
    Ok(Evidence {
        acknowledged: history.acknowledged(),
        cancels: history.cancels(),
        entries: deployment.ledger.written().into_iter().map(|written| written.entry).collect(),
        sessions,
        dials,
        // Epochs are not written down anywhere outside; a stale one shows as a record that nobody's timeline explains.
        writes: Vec::new(),
        reads: history.reads(),
        cells,
        logs: logs(deployment)?,
        taken_at: Some(now()),
        at_rest,
        stories,
        // What a store alone sees is judged by the simulation.
        ..Evidence::default()
    })
}

async fn stories(deployment: &Deployment) -> Result<Vec<Story>> {
    let settings = PgSettings {
        max_connections: 4,
        acquire_timeout: Duration::from_secs(20),
        ..PgSettings::new(deployment.cluster.database_url())
    };
    let store = PgStore::connect(&settings).await?;
    let ids = deployment.sql("select tenant, id from callbacks order by created_at, id")?;
    let mut stories = Vec::new();
    for line in ids.lines().filter(|line| !line.is_empty()) {
        let (tenant, id) = line.split_once('|').context("two columns")?;
        let (tenant, id): (TenantId, CallbackId) = (tenant.parse()?, id.parse()?);
        let record = store.find(tenant, id, now()).await?.context("a listed record is there")?;
        stories.push(Story { timeline: store.timeline(tenant, id).await?, record });
    }
    store.close().await;
    Ok(stories)
}

/// What sessions did. A session holds its callback from the commit that says so; it may learn of that much later.
fn sessions(deployment: &Deployment, stories: &[Story]) -> (Vec<SessionTold>, Vec<Dial>) {
    let mut bound: HashMap<_, Instant> = HashMap::new();
    for story in stories {
        for event in &story.timeline {
            for change in &event.changes {
                if let Change::SessionBound { session, .. } = change {
                    bound.entry((story.record.id, session.clone())).or_insert(event.at);
                }
            }
        }
    }
    let (mut told, mut dials) = (Vec::new(), Vec::new());
    for seen in deployment.control.sessions() {
        let committed = bound.get(&(seen.callback, seen.session.clone())).copied();
        let learnt = seen.bound_at;
        let at = match (committed, learnt) {
            (Some(committed), Some(learnt)) => committed.min(learnt),
            (None, Some(learnt)) => learnt,
            (Some(at), None) => at,
            (None, None) => now(),
        };
        let accepted = learnt.is_some();
        told.push(SessionTold { id: seen.callback, session: seen.session.clone(), accepted, at });
        dials.extend(seen.dialed_at.iter().map(|at| Dial {
            id: seen.callback,
            session: seen.session.clone(),
            at: *at,
        }));
    }
    told.sort_by_key(|told| told.at);
    dials.sort_by_key(|dial| dial.at);
    (told, dials)
}

fn cells(stories: &[Story], limited: &[Limited<'_>]) -> Result<Vec<CellLimit>> {
    let mut cells = Vec::new();
    for limit in limited {
        let service = ServiceName::new(limit.service)?;
        let booked = stories.iter().filter(|story| story.record.service == service);
        let starts: BTreeSet<_> =
            booked.map(|story| story.record.desired_at.millis().div_euclid(CELL_MS) * CELL_MS).collect();
        cells.extend(starts.into_iter().map(|start| CellLimit {
            tenant: Deployment::tenant(),
            service: service.clone(),
            cell: Cell { from: Instant::from_millis(start), until: Instant::from_millis(start + CELL_MS) },
            limit: limit.places,
        }));
    }
    Ok(cells)
}

/// What pods wrote, with everything that must not stand in it (I11).
fn logs(deployment: &Deployment) -> Result<Vec<LogText>> {
    let mut forbidden = Clients::numbers();
    forbidden.extend([Cluster::API_KEY, DATABASE_PASSWORD, CLIENT_CREDENTIALS].map(str::to_owned));
    let pods = deployment.cluster.nodes().iter().map(ges_harness::Node::name).filter(|name| *name != "ges-sim");
    pods.map(|name| Ok(LogText { text: deployment.cluster.log(name)?, forbidden: forbidden.clone() })).collect()
}
