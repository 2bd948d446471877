//! From the process environment to settings, logs and metrics.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ges_config::{ConfigError, Loaded, Settings, Sources};
use ges_domain::hours::zone_data_version;
use ges_telemetry::{Identity, Layout, Logs, Metrics, Tolerances, count_panics};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::rotation::Rotation;
use crate::stop_on_signals;

/// Between two looks at the scheduler.
const LAG_EVERY: Duration = Duration::from_secs(1);

/// What every process has before it does anything of its own.
pub struct Frame {
    /// The settings in force.
    pub settings: Settings,
    /// Its measurements.
    pub metrics: Metrics,
    /// Name of this node: host and process, for leases and health.
    pub node: String,
    /// Ends everything when cancelled.
    pub stop: CancellationToken,
    /// To read the settings again.
    sources: Sources,
    /// What the secret files said.
    secret_files: u64,
}

/// Says what is wrong with the configuration, all of it, beside what was read, and the status to leave with.
pub fn report_bad_configuration(error: &ConfigError) -> ExitCode {
    error.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    eprintln!("{error}\nwhat was read:");
    error.report.iter().for_each(|line| eprintln!("  {line}"));
    ExitCode::from(ges_config::EXIT_CODE)
}

impl Frame {
    /// Starts logs and metrics, watches signals, counts panics, and installs the TLS library. Call it once, first.
    ///
    /// # Errors
    /// Logging was set up before, or signals cannot be watched.
    pub fn start(loaded: Loaded, layout: Layout) -> Result<Self> {
        let Loaded { settings, warnings, sources, secret_files, .. } = loaded;
        let host = host_name();
        let version = env!("CARGO_PKG_VERSION").into();
        let identity = Identity { version, host: host.clone(), zone_data: zone_data_version().into() };
        let metrics = Metrics::new(&identity, settings.legacy_metric_aliases);
        metrics.tolerances(Tolerances {
            http_400: settings.alerts.http_400,
            http_401: settings.alerts.http_401,
            http_404: settings.alerts.http_404,
            http_500: settings.alerts.http_500,
            rbac_create_vq_proxy_error: settings.alerts.rbac_create_vq_proxy_error,
            invalid_content_length: settings.alerts.invalid_content_length,
        });
        let level = settings.log.level.name().parse().context("invariant: every level of the settings is a level")?;
        Logs { level, layout, max_len: settings.log.max_len }.start(metrics.clone())?;
        for warning in &warnings {
            tracing::warn!("configuration: {warning}");
        }
        // A second installation is refused and harmless: the first one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        count_panics(metrics.clone());
        tokio::spawn(watch_lag(metrics.clone()));
        let stop = CancellationToken::new();
        stop_on_signals(stop.clone())?;
        Ok(Self { settings, metrics, node: format!("{host}-{}", std::process::id()), stop, sources, secret_files })
    }
}

impl Frame {
    /// Reads the secret files again once a minute (integrations 10.1) and hands the settings to `use_them` when one has changed.
    /// What does not read is told and changes nothing.
    pub fn when_secrets_change(&self, use_them: impl FnMut(&Settings) + Send + 'static) {
        let watch = Rotation { role: self.settings.role, sources: self.sources.clone(), known: self.secret_files };
        let stop = self.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(watch.run(use_them)).await });
    }

    /// The settings as they read now; those of the start while they do not. Whoever waits for a peer at start must not wait with a
    /// password that has been put right since.
    pub async fn settings_now(&self) -> Settings {
        let (role, sources) = (self.settings.role, self.sources.clone());
        match tokio::task::spawn_blocking(move || Settings::load(role, &sources)).await {
            Ok(Ok(loaded)) => loaded.settings,
            _ => self.settings.clone(),
        }
    }

    /// Tries until it succeeds, once a second, instead of crashing at start; nothing when told to stop meanwhile.
    pub async fn wait_for<T, E>(&self, what: &str, attempt: impl AsyncFn() -> Result<T, E>) -> Option<T>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        loop {
            match attempt().await {
                Ok(there) => return Some(there),
                Err(error) => {
                    let error: &(dyn std::error::Error + 'static) = &error;
                    tracing::warn!(error, "{what} is not there yet");
                }
            }
            self.stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await?;
        }
    }
}

/// How late the scheduler is, once a second as long as the process lives.
async fn watch_lag(metrics: Metrics) {
    loop {
        let asked = Instant::now() + LAG_EVERY;
        tokio::time::sleep_until(asked).await;
        metrics.eventloop_lag(asked.elapsed().as_secs_f64());
    }
}

fn host_name() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let named = named.trim();
    if named.is_empty() { "localhost".into() } else { named.to_owned() }
}
