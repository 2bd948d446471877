//! Hints by NOTIFY, heard on a connection of its own.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::{ServiceRef, StoreError, Wake, WakeUps};
use ges_domain::{Instant, ServiceName, TenantId};
use rand::Rng;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::PgStore;
use crate::error::unavailable;

/// The channel; statements that notify spell it out.
const CHANNEL: &str = "ges_wake";
/// The channel of publishes; the payload is the tenant.
pub(crate) const PUBLISHED: &str = "ges_published";
/// Hints that may pile up before the hearer is told to look at everything.
const BACKLOG: usize = 1024;
/// How long nothing may come before the connection is asked whether it is alive.
const SILENCE: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(5);
const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(5);

/// `tenant desired name`.
pub(crate) fn payload(service: &ServiceRef, desired: Instant) -> String {
    format!("{} {} {}", service.tenant, desired.millis(), service.name)
}

/// `push tenant name`: something may be to push (chapter 16).
pub(crate) fn push_payload(tenant: TenantId, service: &ServiceName) -> String {
    format!("push {tenant} {service}")
}

/// `pause tenant name`, the name left out for all: a service was paused or resumed (R-PAU-1).
pub(crate) fn pause_payload(tenant: TenantId, service: Option<&ServiceName>) -> String {
    match service {
        Some(service) => format!("pause {tenant} {service}"),
        None => format!("pause {tenant}"),
    }
}

fn parse_pause(rest: &str) -> Option<Wake> {
    let (tenant, name) = rest.split_once(' ').map_or((rest, None), |(tenant, name)| (tenant, Some(name)));
    let service = name.map(ServiceName::new).transpose().ok()?;
    Some(Wake::Paused { tenant: tenant.parse().ok()?, service })
}

/// Reads a payload; one of another release is a hint to look at everything.
fn parse(payload: &str) -> Wake {
    if let Some(rest) = payload.strip_prefix("push ") {
        let (tenant, name) = rest.split_once(' ').unwrap_or_default();
        return match (tenant.parse(), ServiceName::new(name)) {
            (Ok(tenant), Ok(name)) => Wake::Notices { service: ServiceRef { tenant, name } },
            _ => Wake::Everything,
        };
    }
    if payload == "bulk" {
        return Wake::Bulk;
    }
    if let Some(rest) = payload.strip_prefix("pause ") {
        return parse_pause(rest).unwrap_or(Wake::Everything);
    }
    let mut words = payload.splitn(3, ' ');
    let tenant = words.next().and_then(|word| word.parse::<TenantId>().ok());
    let desired = words.next().and_then(|word| word.parse().ok()).map(Instant::from_millis);
    let name = words.next().and_then(|word| ServiceName::new(word).ok());
    match (tenant, desired, name) {
        (Some(tenant), Some(desired), Some(name)) => Wake::Service { service: ServiceRef { tenant, name }, desired },
        _ => Wake::Everything,
    }
}

/// Hints from the server, across reconnects.
pub struct PgWakeUps {
    heard: mpsc::Receiver<Wake>,
    /// Whose memory of services a hint makes old.
    store: PgStore,
}

impl PgWakeUps {
    pub(crate) async fn listen(
        store: PgStore,
        options: Arc<RwLock<PgConnectOptions>>,
        stop: CancellationToken,
    ) -> Result<Self, StoreError> {
        let listener = connect(&options).await.map_err(unavailable)?;
        let (tell, heard) = mpsc::channel(BACKLOG);
        tokio::spawn(async move { stop.run_until_cancelled(hear(listener, options, tell)).await });
        Ok(Self { heard, store })
    }
}

#[async_trait]
impl WakeUps for PgWakeUps {
    async fn next(&mut self) -> Wake {
        match self.heard.recv().await {
            Some(wake) => {
                // Whoever follows the hint must not read what was before it.
                if let Wake::Paused { tenant, .. } = &wake {
                    self.store.0.cache.forget(*tenant);
                }
                wake
            }
            // The store is closed: nothing will be hinted at any more.
            None => std::future::pending().await,
        }
    }
}

/// Calls `forget` for every tenant that something is published for, until `stop`. What is missed while there is no connection
/// shows when memories have grown old, within two seconds.
pub(crate) async fn follow_publishes(
    options: Arc<RwLock<PgConnectOptions>>,
    stop: CancellationToken,
    forget: impl Fn(TenantId) + Send + 'static,
) {
    let following = async {
        let mut rest = FIRST_REST;
        loop {
            if let Ok(mut listener) = connect_to(&options, PUBLISHED).await {
                rest = FIRST_REST;
                while let Some(tenant) = next_publish(&mut listener).await {
                    forget(tenant);
                }
            }
            let jitter = rand::rng().random_range(0.5..1.0);
            tokio::time::sleep(rest.mul_f64(jitter)).await;
            rest = (rest * 2).min(LONGEST_REST);
        }
    };
    stop.run_until_cancelled(following).await;
}

/// The next tenant; none when the connection is lost.
async fn next_publish(listener: &mut PgListener) -> Option<TenantId> {
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Ok(tenant) = notification.payload().parse() {
                    return Some(tenant);
                }
            }
            Ok(Ok(None) | Err(_)) => return None,
            Err(_) => {
                let alive = sqlx::query("select 1").execute(&mut *listener);
                if !matches!(tokio::time::timeout(ANSWER, alive).await, Ok(Ok(_))) {
                    return None;
                }
            }
        }
    }
}

async fn connect(options: &RwLock<PgConnectOptions>) -> Result<PgListener, sqlx::Error> {
    connect_to(options, CHANNEL).await
}

async fn connect_to(options: &RwLock<PgConnectOptions>, channel: &str) -> Result<PgListener, sqlx::Error> {
    let options = options.read().unwrap_or_else(PoisonError::into_inner).clone();
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ANSWER).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(channel).await?;
    Ok(listener)
}

/// Passes hints on until nobody listens.
async fn hear(mut listener: PgListener, options: Arc<RwLock<PgConnectOptions>>, tell: mpsc::Sender<Wake>) {
    loop {
        let wake = match next_hint(&mut listener, &tell).await {
            Some(wake) => wake,
            None => {
                let Some(again) = reconnect(&options, &tell).await else { return };
                listener = again;
                Wake::Everything
            }
        };
        let told = match tell.try_send(wake) {
            // The hearer has a thousand hints to work off; what it misses meanwhile is one look at everything.
            Err(mpsc::error::TrySendError::Full(_)) => tell.send(Wake::Everything).await.is_ok(),
            told => told.is_ok(),
        };
        if !told {
            return;
        }
    }
}

/// The next hint; none when the connection is lost or nobody listens.
async fn next_hint(listener: &mut PgListener, tell: &mpsc::Sender<Wake>) -> Option<Wake> {
    loop {
        let heard = tokio::select! {
            () = tell.closed() => return None,
            heard = tokio::time::timeout(SILENCE, listener.try_recv()) => heard,
        };
        match heard {
            Ok(Ok(Some(notification))) => return Some(parse(notification.payload())),
            Ok(Ok(None) | Err(_)) => return None,
            Err(_) => {
                let alive = sqlx::query("select 1").execute(&mut *listener);
                if !matches!(tokio::time::timeout(ANSWER, alive).await, Ok(Ok(_))) {
                    return None;
                }
            }
        }
    }
}

/// Tries until it works, with growing rests and jitter; none when nobody listens any more.
async fn reconnect(options: &RwLock<PgConnectOptions>, tell: &mpsc::Sender<Wake>) -> Option<PgListener> {
    let mut rest = FIRST_REST;
    loop {
        if tell.is_closed() {
            return None;
        }
        match connect(options).await {
            Ok(listener) => return Some(listener),
            Err(_) => tracing::debug!("no connection to listen on"),
        }
        let jitter = rand::rng().random_range(0.5..1.0);
        tokio::time::sleep(rest.mul_f64(jitter)).await;
        rest = (rest * 2).min(LONGEST_REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_reads_back_spaces_and_all_and_a_strange_one_means_everything() {
        let tenant: TenantId = "c0ffee00-0000-4000-8000-000000000100".parse().unwrap();
        let service = ServiceRef { tenant, name: ServiceName::new("my svc/é 1").unwrap() };
        let desired = Instant::from_millis(-5);
        let hint = push_payload(service.tenant, &service.name);
        assert_eq!(parse(&hint), Wake::Notices { service: service.clone() });
        assert_eq!(parse(&payload(&service, desired)), Wake::Service { service: service.clone(), desired });
        for service in [None, Some(service.name.clone())] {
            assert_eq!(parse(&pause_payload(tenant, service.as_ref())), Wake::Paused { tenant, service });
        }
        assert_eq!(parse("bulk"), Wake::Bulk);
        for strange in [
            "",
            "x",
            "push x",
            "pause x",
            "pause c0ffee00-0000-4000-8000-000000000100 ",
            "c0ffee00-0000-4000-8000-000000000100 soon CB",
        ] {
            assert_eq!(parse(strange), Wake::Everything);
        }
    }
}
