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

use crate::error::unavailable;

/// The channel; statements that notify spell it out.
const CHANNEL: &str = "ges_wake";
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

/// Reads a payload; one of another release is a hint to look at everything.
fn parse(payload: &str) -> Wake {
    if let Some(rest) = payload.strip_prefix("push ") {
        let (tenant, name) = rest.split_once(' ').unwrap_or_default();
        return match (tenant.parse(), ServiceName::new(name)) {
            (Ok(tenant), Ok(name)) => Wake::Notices { service: ServiceRef { tenant, name } },
            _ => Wake::Everything,
        };
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
}

impl PgWakeUps {
    pub(crate) async fn listen(
        options: Arc<RwLock<PgConnectOptions>>,
        stop: CancellationToken,
    ) -> Result<Self, StoreError> {
        let listener = connect(&options).await.map_err(unavailable)?;
        let (tell, heard) = mpsc::channel(BACKLOG);
        tokio::spawn(async move { stop.run_until_cancelled(hear(listener, options, tell)).await });
        Ok(Self { heard })
    }
}

#[async_trait]
impl WakeUps for PgWakeUps {
    async fn next(&mut self) -> Wake {
        match self.heard.recv().await {
            Some(wake) => wake,
            // The store is closed: nothing will be hinted at any more.
            None => std::future::pending().await,
        }
    }
}

async fn connect(options: &RwLock<PgConnectOptions>) -> Result<PgListener, sqlx::Error> {
    let options = options.read().unwrap_or_else(PoisonError::into_inner).clone();
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ANSWER).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
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
        assert_eq!(parse(&payload(&service, desired)), Wake::Service { service, desired });
        for strange in ["", "x", "push x", "c0ffee00-0000-4000-8000-000000000100 soon CB"] {
            assert_eq!(parse(strange), Wake::Everything);
        }
    }
}
