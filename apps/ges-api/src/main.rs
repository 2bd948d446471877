//! The API pod: external and internal listener on PostgreSQL. Wiring only.

mod serve;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use ges_config::{Loaded, Role, Settings, Sources};
use ges_domain::use_cases::{Provision, Provisioning};
use ges_postgres::PgSettings;
use ges_process::report_bad_configuration;
use secrecy::ExposeSecret as _;

/// Serves the callback API. Without a command it runs until it is told to stop.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Prints every setting with where it came from, secrets masked
    CheckConfig,
    /// Applies a provisioning document: business hours, rules, call-in groups, services
    Provision {
        /// A JSON document; deploy/examples/provisioning.json shows the form
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let loaded = match Settings::load(Role::Api, &Sources::from_process()) {
        Ok(loaded) => loaded,
        Err(error) => return report_bad_configuration(&error),
    };
    let done = match arguments.command {
        Some(Command::CheckConfig) => {
            loaded.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            loaded.report.iter().for_each(|line| println!("{line}"));
            Ok(())
        }
        Some(Command::Provision { file }) => in_runtime(provision(loaded, file)),
        None => in_runtime(serve::run(loaded)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ges-api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn in_runtime(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?.block_on(work)
}

/// How this pod reaches its database.
fn database(settings: &Settings, application: &str) -> Result<PgSettings> {
    let db = settings.db.as_ref().context("invariant: the role requires a database")?;
    let mut database = PgSettings::new(db.url().expose_secret());
    database.application_name = application.into();
    (database.tls_verify, database.tls_root) = (db.ca_file.is_some(), db.ca_file.clone());
    database.max_connections = db.pool_size;
    database.min_connections = db.pool_size.min(2);
    Ok(database)
}

async fn provision(loaded: Loaded, file: PathBuf) -> Result<()> {
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let document: Provisioning = serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
    let store = serve::open(&database(&loaded.settings, "ges-provision")?).await?;
    let shared = Arc::new(store.clone());
    let provision = Provision { catalogue: shared.clone(), call_ins: shared, plan: Arc::new(ges_phone::Plan) };
    let outcome = provision.run(&document).await?;
    store.close().await;
    outcome.applied.iter().for_each(|name| println!("applied  {name}"));
    outcome.rejected.iter().for_each(|(name, cause)| println!("rejected {name}: {cause}"));
    outcome.rejected_rules.iter().for_each(|(name, cause)| println!("rejected number rule {name}: {cause}"));
    match outcome.rejected.len() + outcome.rejected_rules.len() {
        0 => Ok(()),
        rejected => bail!("{rejected} rows were rejected"),
    }
}
