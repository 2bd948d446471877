//! Names of the servers that have clients of their own, PostgreSQL and Redis. What those clients say of a name that does not resolve is
//! one of many reasons not to reach a server, so the name is looked up whenever a probe got no answer (integrations 9.2).

use std::sync::Arc;
use std::time::Duration;

use ges_config::Settings;
use ges_http_client::Observer;
use ges_rest::Probe;
use ges_telemetry::Dependency;
use tokio::runtime::Handle;

use crate::Outbound;

/// Longest wait for the name service.
const NAME_SERVICE: Duration = Duration::from_secs(3);

impl Outbound {
    /// The same probes; one of a server that did not answer also counts in `DNS_FAILURE` when the server's name does not resolve.
    pub fn watching_names(&self, probes: Vec<Probe>, settings: &Settings) -> Vec<Probe> {
        let servers = [
            (Dependency::Postgres, settings.db.as_ref().map(|db| (db.host.clone(), db.port))),
            (Dependency::Redis, settings.redis.as_ref().map(|redis| (redis.host.clone(), redis.port))),
            (Dependency::OrsRedis, settings.ors_redis.as_ref().map(|redis| (redis.host.clone(), redis.port))),
        ];
        let watched = |probe: Probe| {
            let name = probe.component().name;
            let server = servers.iter().find(|(dependency, _)| dependency.name() == name);
            match server.and_then(|(_, server)| server.clone()) {
                Some((host, port)) => watching(probe, host, port, self.observer()),
                None => probe,
            }
        };
        probes.into_iter().map(watched).collect()
    }
}

fn watching(probe: Probe, host: String, port: u16, observer: Arc<dyn Observer>) -> Probe {
    let component = probe.component();
    Probe::new(component, move || {
        let doubt = Doubt(Some(Name { of: component.name, host: host.clone(), port, observer: observer.clone() }));
        let probe = probe.clone();
        async move { probe.look().await.inspect(|()| doubt.settled()) }
    })
}

struct Name {
    of: &'static str,
    host: String,
    port: u16,
    observer: Arc<dyn Observer>,
}

impl Name {
    async fn look_up(self) {
        let looked = tokio::time::timeout(NAME_SERVICE, tokio::net::lookup_host((self.host.as_str(), self.port))).await;
        if !matches!(looked, Ok(Ok(_))) {
            tracing::warn!(dependency = self.of, "the name of a dependency does not resolve");
            self.observer.dns_failed(self.of);
        }
    }
}

/// Looks the name up unless settled: a probe that takes too long is dropped and does not come to its end.
struct Doubt(Option<Name>);

impl Doubt {
    fn settled(mut self) {
        self.0 = None;
    }
}

impl Drop for Doubt {
    fn drop(&mut self) {
        if let (Some(name), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(name.look_up());
        }
    }
}

#[cfg(test)]
mod tests {
    use ges_config::{Role, Sources};
    use ges_rest::{Component, ProbeFault};
    use ges_telemetry::{Identity, Metrics};

    use super::*;

    /// Of a server with a name and of one with an address: looks that fail, that hang, and that succeed.
    #[tokio::test]
    async fn a_server_that_does_not_answer_counts_when_its_name_does_not_resolve() {
        let variables = [
            ("GES_REDIS__HOST", "no-such-name.invalid"),
            ("GES_VMCS__REDIS_HOST", "127.0.0.1"),
            ("GES_DB__HOST", "neither-this.invalid"),
            ("GES_DB__NAME", "ges"),
            ("GES_DB__USER", "ges"),
            ("GES_DB__PASSWORD", "sesame"),
        ];
        let settings = Settings::load(Role::Standalone, &Sources::of(variables)).unwrap().settings;
        let identity = Identity { version: "1".into(), host: "h".into(), zone_data: "2026a".into() };
        let metrics = Metrics::new(&identity, false);
        let outbound = Outbound::new(&metrics, None).unwrap();
        let failing =
            |dependency| Probe::new(Component::of(dependency, false), || async { Err(ProbeFault("no answer".into())) });
        let hanging = Probe::new(Component::of(Dependency::Postgres, true), std::future::pending);
        let fine = Probe::new(Component::of(Dependency::Redis, false), || async { Ok(()) });
        let probes =
            vec![failing(Dependency::OrsRedis), failing(Dependency::GwsEnv), fine, failing(Dependency::Redis), hanging];
        for probe in outbound.watching_names(probes, &settings) {
            let _ = tokio::time::timeout(Duration::from_millis(50), probe.look()).await;
        }
        let counted =
            |count: u32| metrics.render().contains(&format!("\nDNS_FAILURE{{host=\"h\",version=\"1\"}} {count}\n"));
        while !counted(2) {
            assert!(counted(0) || counted(1), "one by its failure, one by its silence");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(counted(2), "addresses, and servers that answer, are no matter of names");
    }
}
