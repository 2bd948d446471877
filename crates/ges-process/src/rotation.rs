//! Secrets that change while the process runs.

use std::time::Duration;

use ges_config::{Role, Settings, Sources};

/// Between two looks at the secret files.
const EVERY: Duration = Duration::from_secs(60);

/// Watches the secret files.
pub(crate) struct Rotation {
    pub(crate) role: Role,
    pub(crate) sources: Sources,
    /// What the files said last.
    pub(crate) known: u64,
}

impl Rotation {
    /// Never ends.
    pub(crate) async fn run(mut self, mut use_them: impl FnMut(&Settings)) {
        loop {
            tokio::time::sleep(EVERY).await;
            let (role, sources) = (self.role, self.sources.clone());
            match tokio::task::spawn_blocking(move || Settings::load(role, &sources)).await {
                Ok(Ok(loaded)) if loaded.secret_files == self.known => {}
                Ok(Ok(loaded)) => {
                    self.known = loaded.secret_files;
                    tracing::info!("secret files have changed: new connections use what they say now");
                    for warning in &loaded.warnings {
                        tracing::warn!("configuration: {warning}");
                    }
                    use_them(&loaded.settings);
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the secret files do not read now; what was read before stays in use")
                }
                Err(error) => tracing::error!(%error, "the secret files were not read"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn check_21_a_changed_file_is_used_within_a_minute_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (password, key) = (folder.path().join("REDIS-CACHEKEY"), folder.path().join("VMCS_REDIS_PORT"));
        std::fs::write(&password, "first").unwrap();
        let variables = [("REDIS_HOST", "redis"), ("CONFIG_FOLDERS", folder.path().to_str().unwrap())];
        let sources = Sources::of(variables);
        let known = Settings::load(Role::Standalone, &sources).unwrap().secret_files;
        let (tell, told) = mpsc::channel();
        let watch = Rotation { role: Role::Standalone, sources, known };
        let watching = tokio::spawn(watch.run(move |settings| {
            let password = settings.redis.as_ref().and_then(|redis| redis.password.clone());
            let _ = tell.send(password.map(|password| password.expose_secret().to_owned()));
        }));
        let minute = async || {
            tokio::time::sleep(Duration::from_secs(61)).await;
            told.try_iter().collect::<Vec<_>>()
        };
        assert!(minute().await.is_empty(), "nothing has changed");
        std::fs::write(&key, "no port").unwrap();
        std::fs::write(&password, "second").unwrap();
        assert!(minute().await.is_empty(), "settings that do not read are not used in part");
        std::fs::remove_file(&key).unwrap();
        assert_eq!(minute().await, [Some("second".to_owned())]);
        assert!(minute().await.is_empty(), "told once");
        watching.abort();
    }
}
