//! Failed requests. Alert rules ask how much a series has grown, which misses the event that a series begins with, so those that
//! rules look at begin at 0: at the start for callers nobody knows, and for a tenant when it is first heard of (integrations 9.3).

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use opentelemetry::metrics::Counter;

use crate::catalogue::{PRIVATE_PATH, UNKNOWN_TENANT};
use crate::instruments::label;

/// Statuses that alert rules watch.
const WATCHED: [u16; 4] = [400, 401, 404, 500];
/// Tenants whose series begin at 0. Each costs some forty, and what is beyond the limit of the metric has no labels at all.
const TENANTS: usize = 40;

pub(crate) struct Failures {
    counter: Counter<u64>,
    known: Mutex<Known>,
}

struct Known {
    paths: Vec<&'static str>,
    tenants: HashSet<Box<str>>,
}

impl Failures {
    /// Starts with callers nobody knows, on everything that is no public endpoint.
    pub(crate) fn new(counter: Counter<u64>) -> Self {
        let failures = Self { counter, known: Mutex::new(Known { paths: Vec::new(), tenants: HashSet::new() }) };
        failures.tenant_known(UNKNOWN_TENANT);
        failures.path_known(PRIVATE_PATH);
        failures
    }

    /// From now on every tenant has series of this path.
    pub(crate) fn path_known(&self, path: &'static str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.paths.contains(&path) {
            known.paths.push(path);
            known.tenants.iter().for_each(|tenant| self.begin(tenant, path));
        }
    }

    /// From now on this tenant has series of every path.
    pub(crate) fn tenant_known(&self, tenant: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.tenants.len() < TENANTS && known.tenants.insert(tenant.into()) {
            known.paths.iter().for_each(|path| self.begin(tenant, path));
        }
    }

    pub(crate) fn one_more(&self, tenant: &str, path: &str, status: u16) {
        self.add(1, tenant, path, status);
    }

    fn begin(&self, tenant: &str, path: &str) {
        WATCHED.iter().for_each(|status| self.add(0, tenant, path, *status));
    }

    fn add(&self, count: u64, tenant: &str, path: &str, status: u16) {
        let labels = [label("tenant", tenant), label("path", path), label("httpCode", &status.to_string())];
        self.counter.add(count, &labels);
    }
}
