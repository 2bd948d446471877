//! The simulated contact centre as a process of its own: every outside system on the loopback, driven by a seeded floor.

mod designer;

use std::sync::Arc;

use clap::{Parser, Subcommand};
use ges_sim::floor::FloorSettings;
use ges_sim::{EntrySource, Ports, RedisSource, Sim, SimSettings};

/// Every system around GES, simulated. All listeners are on 127.0.0.1; port 0 takes a free one.
#[derive(Debug, Parser)]
#[command(name = "ges-sim", version, args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Redis of the orchestration stream, like redis://127.0.0.1:6379, or redis-cluster:// and one of its nodes; without it
    /// sessions start by REST only.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// Name of the stream.
    #[arg(long, default_value = "NewCallbackStream")]
    stream: String,
    /// Name of this consumer in the group.
    #[arg(long, default_value = "ges-sim")]
    consumer: String,
    /// Where sessions started by REST call GES when they are not told, like http://127.0.0.1:3050/genesys.
    #[arg(long, value_name = "URL")]
    ges_url: Option<String>,
    /// Seed of everything random on the floor.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Agents in every group.
    #[arg(long, default_value_t = 3)]
    agents: u32,
    /// How many times faster than real the floor works.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// How often a session repeats an update that GES did not answer, one second apart.
    #[arg(long, default_value_t = SimSettings::default().update_retries)]
    update_retries: u32,
    /// Port of the orchestration REST interface.
    #[arg(long, default_value_t = Ports::default().ors)]
    ors_port: u16,
    /// Port of the first router.
    #[arg(long, default_value_t = Ports::default().urs_primary)]
    urs_port: u16,
    /// Port of the second router.
    #[arg(long, default_value_t = Ports::default().urs_backup)]
    urs_backup_port: u16,
    /// Port of the authentication service.
    #[arg(long, default_value_t = Ports::default().auth)]
    auth_port: u16,
    /// Port of the environment service.
    #[arg(long, default_value_t = Ports::default().environment)]
    environment_port: u16,
    /// Port of the configuration service.
    #[arg(long, default_value_t = Ports::default().configuration)]
    configuration_port: u16,
    /// Port of Google's token endpoint and FCM.
    #[arg(long, default_value_t = Ports::default().fcm)]
    fcm_port: u16,
    /// Port of reCAPTCHA.
    #[arg(long, default_value_t = Ports::default().recaptcha)]
    recaptcha_port: u16,
    /// Port of Nexus.
    #[arg(long, default_value_t = Ports::default().nexus)]
    nexus_port: u16,
    /// Port of the statistics service.
    #[arg(long, default_value_t = Ports::default().statistics)]
    statistics_port: u16,
    /// Port of the control plane.
    #[arg(long, default_value_t = Ports::default().control)]
    control_port: u16,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays Designer and its applications against a running GES, once
    Designer {
        #[command(subcommand)]
        action: designer::Action,
    },
}

impl Options {
    fn settings(&self) -> SimSettings {
        SimSettings {
            ports: Ports {
                ors: self.ors_port,
                urs_primary: self.urs_port,
                urs_backup: self.urs_backup_port,
                auth: self.auth_port,
                environment: self.environment_port,
                configuration: self.configuration_port,
                fcm: self.fcm_port,
                recaptcha: self.recaptcha_port,
                nexus: self.nexus_port,
                statistics: self.statistics_port,
                control: self.control_port,
            },
            seed: self.seed,
            floor: FloorSettings::default().with_agents(self.agents).with_speed(self.speed),
            ges_url: self.ges_url.clone(),
            update_retries: self.update_retries,
            ..SimSettings::default()
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut options = Options::parse();
    if let Some(Command::Designer { action }) = options.command.take() {
        return designer::run(action).await;
    }
    tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(std::io::stderr).init();
    let source = match &options.redis {
        Some(url) => {
            let source = RedisSource::connect(url, &options.stream, &options.consumer).await?;
            Some(Arc::new(source) as Arc<dyn EntrySource>)
        }
        None => None,
    };
    let sim = Sim::start(options.settings(), source).await?;
    let addresses = sim.addresses();
    println!("orchestration   http://{}", addresses.ors);
    println!("router          http://{} (backup http://{})", addresses.urs_primary, addresses.urs_backup);
    println!("authentication  http://{}", addresses.auth);
    println!("environment     http://{}", addresses.environment);
    println!("configuration   http://{}", addresses.configuration);
    println!("push            http://{} (Nexus http://{})", addresses.fcm, addresses.nexus);
    println!("reCAPTCHA       http://{}", addresses.recaptcha);
    println!("statistics      http://{}", addresses.statistics);
    println!("control plane   http://{}/_sim/", addresses.control);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    sim.stop().await;
    Ok(())
}
