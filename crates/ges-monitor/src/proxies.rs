//! Keeping one VQ proxy per service (R-LOB-1, R-LOB-4, R-LOB-5): one node compares services with proxies and makes up the difference.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::{ProvisionedServices, Proxies, Proxy, ProxyError, PublishedServices, Shard};
use ges_domain::{ServiceName, TenantId};
use ges_telemetry::Metrics;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::rights::Rights;
use crate::{Duty, MonitorSettings, NoGauges, Turn};

/// The holder of this shard keeps the proxies of everybody.
const KEEPER: Shard = Shard(0);
/// Between two looks at the list of services: one statement. A publish on another node is noticed after this time at most.
const LOOK: Duration = Duration::from_secs(60);
/// A tenant with a failure is compared again after this time (R-LOB-4).
const AFTER_FAILURE: Duration = Duration::from_secs(300);
/// Every tenant is compared again after this time (R-LOB-5).
const AFTER_SUCCESS: Duration = Duration::from_secs(3_600);

/// Hears about proxies. Nothing here may block.
pub trait ProxyGauges: Send + Sync {
    /// A proxy could not be read, created or deleted (`RBAC_CREATE_VQ_PROXY_ERROR`).
    fn proxy_failed(&self);
}

impl ProxyGauges for NoGauges {
    fn proxy_failed(&self) {}
}

impl ProxyGauges for Metrics {
    fn proxy_failed(&self) {
        self.rbac_create_vq_proxy_error();
    }
}

/// Lets others say that the services of a tenant have changed. Clones ring the same bell; ringing is cheap and never waits.
#[derive(Debug, Clone, Default)]
pub struct ProxyBell(Arc<Rung>);

#[derive(Debug, Default)]
struct Rung {
    asked: Mutex<Asked>,
    notify: Notify,
}

/// Whose proxies are to be compared before their time.
#[derive(Debug, Default)]
struct Asked {
    tenants: BTreeSet<TenantId>,
    /// Those of everybody whose last comparison failed.
    failed: bool,
}

impl Asked {
    fn names(&self, tenant: &TenantId, last: &Compared) -> bool {
        self.tenants.contains(tenant) || (self.failed && !last.fine)
    }
}

impl ProxyBell {
    /// Compares the proxies of this tenant at once when this node keeps them. The node that does notices by itself within
    /// a minute.
    pub fn nudge(&self, tenant: TenantId) {
        self.asked().tenants.insert(tenant);
        self.0.notify.notify_one();
    }

    /// Compares at once what could not be compared: the configuration is back. Without this it waits for its five minutes.
    pub fn nudge_failed(&self) {
        self.asked().failed = true;
        self.0.notify.notify_one();
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Asked {
        std::mem::take(&mut *self.asked())
    }

    /// Puts back what was taken in vain.
    fn put_back(&self, asked: Asked) {
        let mut now = self.asked();
        now.tenants.extend(asked.tenants);
        now.failed |= asked.failed;
    }
}

#[async_trait]
impl PublishedServices for ProxyBell {
    async fn services_changed(&self, tenant: TenantId) {
        self.nudge(tenant);
    }
}

/// What keeping proxies needs.
#[derive(Clone)]
pub struct ProxyPorts {
    /// What is provisioned.
    pub services: Arc<dyn ProvisionedServices>,
    /// The configuration.
    pub proxies: Arc<dyn Proxies>,
    /// Who hears about failures.
    pub gauges: Arc<dyn ProxyGauges>,
    /// Who may ask for a comparison.
    pub bell: ProxyBell,
}

/// The duty. It disturbs nothing: whatever fails is counted and tried again.
pub(crate) struct KeepProxies {
    ports: ProxyPorts,
    rights: Arc<Rights>,
    settings: Arc<MonitorSettings>,
    /// What was compared last, and when it is to be compared again.
    known: BTreeMap<TenantId, Compared>,
    due: VecDeque<(TenantId, Vec<ServiceName>)>,
}

struct Compared {
    services: Vec<ServiceName>,
    again_at: Instant,
    fine: bool,
}

impl KeepProxies {
    pub(crate) fn new(ports: ProxyPorts, rights: Arc<Rights>, settings: Arc<MonitorSettings>) -> Self {
        Self { ports, rights, settings, known: BTreeMap::new(), due: VecDeque::new() }
    }

    fn keeper(&self) -> bool {
        self.rights.lease_of(KEEPER).is_some()
    }

    /// Finds the tenants whose proxies are to be compared now.
    async fn look(&mut self) {
        let asked = self.ports.bell.take();
        let all = match self.ports.services.services_by_tenant().await {
            Ok(all) => all,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the services were not read for their proxies"
                );
                self.ports.bell.put_back(asked);
                return;
            }
        };
        let now = Instant::now();
        for (tenant, services) in all {
            let stands = self
                .known
                .get(&tenant)
                .is_some_and(|last| last.services == services && now < last.again_at && !asked.names(&tenant, last));
            if !stands {
                self.due.push_back((tenant, services));
            }
        }
    }

    /// Makes up the difference between services and proxies; counts what fails and goes on. Whether nothing failed.
    async fn compare(&self, tenant: TenantId, services: &[ServiceName]) -> bool {
        let there = match self.ports.proxies.proxies(tenant).await {
            Ok(there) => there,
            Err(error) => return self.failed(tenant, "read", &error),
        };
        let named: BTreeSet<&str> = there.iter().map(|proxy| proxy.name.as_str()).collect();
        let wanted: BTreeSet<&str> = services.iter().map(ServiceName::as_str).collect();
        let missing = services.iter().filter(|service| !named.contains(service.as_str()));
        let left: Vec<&Proxy> =
            there.iter().filter(|proxy| proxy.ours && !wanted.contains(proxy.name.as_str())).collect();
        let mut fine = true;
        for service in missing.take_while(|_| self.keeper()) {
            match self.ports.proxies.create_proxy(tenant, service).await {
                Ok(()) => tracing::info!("tenant.id" = %tenant, "a VQ proxy was created"),
                Err(error) => fine = self.failed(tenant, "created", &error),
            }
        }
        for proxy in left.into_iter().take_while(|_| self.keeper()) {
            match self.ports.proxies.delete_proxy(tenant, proxy).await {
                Ok(()) => tracing::info!("tenant.id" = %tenant, "a VQ proxy was deleted"),
                Err(error) => fine = self.failed(tenant, "deleted", &error),
            }
        }
        fine
    }

    /// Always false.
    fn failed(&self, tenant: TenantId, what: &'static str, error: &ProxyError) -> bool {
        self.ports.gauges.proxy_failed();
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "tenant.id" = %tenant, "a VQ proxy was not {what}; it is tried again in five minutes");
        false
    }
}

#[async_trait]
impl Duty for KeepProxies {
    async fn turn(&mut self) -> Turn {
        if !self.keeper() {
            // Whoever keeps them now may change them: what was known here is worth nothing.
            self.known.clear();
            self.due.clear();
            self.ports.bell.take();
            return Turn::RestFor(self.settings.jittered(LOOK));
        }
        if self.due.is_empty() {
            self.look().await;
        }
        let Some((tenant, services)) = self.due.pop_front() else {
            return Turn::RestFor(self.settings.jittered(LOOK));
        };
        let fine = self.compare(tenant, &services).await;
        let rest = if fine { AFTER_SUCCESS } else { AFTER_FAILURE };
        let again_at = Instant::now() + self.settings.jittered(rest);
        self.known.insert(tenant, Compared { services, again_at, fine });
        if self.due.is_empty() { Turn::RestFor(self.settings.jittered(LOOK)) } else { Turn::Again }
    }

    async fn woken(&mut self) {
        self.ports.bell.0.notify.notified().await;
    }
}
