//! What goes wrong, by a seeded schedule: the same seed, the same faults in the same order with the same rests.

use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::deployment::Deployment;
use crate::relay::{Cut, Relay, Weather};

/// Longer than a lease of shards (4 s).
const PAST_THE_LEASE: Duration = Duration::from_millis(5_500);

/// Whose connections are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// Between pods and PostgreSQL.
    Postgres,
    /// Between workers and Redis.
    Redis,
    /// Between sessions and API pods.
    Sessions,
}

/// One thing that goes wrong and is put right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An API pod is killed and started again after a rest.
    KillApi(usize, Duration),
    /// A worker is killed and started again after a rest.
    KillWorker(usize, Duration),
    /// An API pod stands still for a while.
    FreezeApi(usize, Duration),
    /// A worker stands still for longer than its lease, then goes on.
    FreezeWorker(usize, Duration),
    /// PostgreSQL ends in order or breaks off, and comes back.
    RestartPostgres {
        /// Breaks off.
        crash: bool,
        /// How long it is away.
        away: Duration,
    },
    /// Everything in Redis is gone.
    Flush,
    /// Redis is killed and comes back empty.
    LoseRedis(Duration),
    /// Connections end.
    Cut(Server, Cut),
    /// Bytes travel badly for a while.
    Weather(Server, Weather, Duration),
}

impl Fault {
    /// Lets it happen and puts it right.
    ///
    /// # Errors
    /// The deployment cannot be put right: something does not start again.
    pub async fn strike(self, deployment: &mut Deployment) -> Result<()> {
        match self {
            Self::KillApi(number, rest) => down_and_up(deployment, &format!("api-{number}"), rest).await,
            Self::KillWorker(number, rest) => down_and_up(deployment, &format!("worker-{number}"), rest).await,
            Self::FreezeApi(number, length) => frozen(deployment, &format!("api-{number}"), length).await,
            Self::FreezeWorker(number, length) => frozen(deployment, &format!("worker-{number}"), length).await,
            Self::RestartPostgres { crash, away } => {
                block_in_place(|| deployment.cluster.postgres().halt(crash))?;
                sleep(away).await;
                block_in_place(|| deployment.cluster.postgres().start_again())
            }
            Self::Flush => deployment.ledger.flush().await,
            Self::LoseRedis(away) => {
                deployment.lose_redis().await?;
                sleep(away).await;
                deployment.return_redis()
            }
            Self::Cut(server, cut) => {
                relay(deployment, server).cut(cut);
                Ok(())
            }
            Self::Weather(server, weather, length) => {
                relay(deployment, server).set(weather);
                sleep(length).await;
                relay(deployment, server).set(Weather::Clear);
                Ok(())
            }
        }
    }
}

fn relay(deployment: &Deployment, server: Server) -> &Relay {
    match server {
        Server::Postgres => &deployment.postgres,
        Server::Redis => &deployment.redis,
        Server::Sessions => &deployment.sessions,
    }
}

async fn down_and_up(deployment: &mut Deployment, name: &str, rest: Duration) -> Result<()> {
    block_in_place(|| deployment.cluster.kill(name))?;
    sleep(rest).await;
    block_in_place(|| deployment.cluster.restart(name)).map(drop)
}

async fn frozen(deployment: &mut Deployment, name: &str, length: Duration) -> Result<()> {
    deployment.cluster.freeze(name)?;
    sleep(length).await;
    deployment.cluster.thaw(name)
}

/// Faults with the rest before each: every kind once in a seeded order, then again, until about `length` is filled.
pub fn schedule(seed: u64, length: Duration, apis: usize, workers: usize) -> Vec<(Duration, Fault)> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut planned = Vec::new();
    let mut filled = Duration::ZERO;
    let mut round: Vec<Fault> = Vec::new();
    while filled < length {
        if round.is_empty() {
            round = one_of_each(&mut rng, apis, workers);
        }
        let fault = round.swap_remove(rng.random_range(0..round.len()));
        let rest = Duration::from_millis(rng.random_range(200..1_500));
        filled += rest + about(fault);
        planned.push((rest, fault));
    }
    planned
}

fn one_of_each(rng: &mut StdRng, apis: usize, workers: usize) -> Vec<Fault> {
    let ms = |rng: &mut StdRng, from: u64, until: u64| Duration::from_millis(rng.random_range(from..until));
    let server = |rng: &mut StdRng| [Server::Postgres, Server::Redis, Server::Sessions][rng.random_range(0..3)];
    let mut faults = vec![
        Fault::KillApi(rng.random_range(0..apis), ms(rng, 0, 2_000)),
        Fault::KillWorker(rng.random_range(0..workers), ms(rng, 0, 2_000)),
        Fault::FreezeApi(rng.random_range(0..apis), ms(rng, 500, 3_000)),
        Fault::FreezeWorker(rng.random_range(0..workers), PAST_THE_LEASE),
        Fault::RestartPostgres { crash: false, away: ms(rng, 0, 2_000) },
        Fault::RestartPostgres { crash: true, away: ms(rng, 0, 2_000) },
        Fault::Flush,
        Fault::LoseRedis(ms(rng, 200, 4_000)),
    ];
    for cut in [Cut::Close, Cut::Reset, Cut::Half] {
        faults.push(Fault::Cut(server(rng), cut));
    }
    let slow = Weather::Slow(ms(rng, 20, 150));
    for weather in [slow, Weather::Drip, Weather::Silent, Weather::Refusing] {
        faults.push(Fault::Weather(server(rng), weather, ms(rng, 500, 3_000)));
    }
    faults
}

/// How long a fault takes, roughly.
fn about(fault: Fault) -> Duration {
    match fault {
        Fault::KillApi(_, length) | Fault::KillWorker(_, length) | Fault::LoseRedis(length) => {
            length + Duration::from_millis(500)
        }
        Fault::RestartPostgres { away, .. } => away + Duration::from_secs(1),
        Fault::FreezeApi(_, length) | Fault::FreezeWorker(_, length) | Fault::Weather(_, _, length) => length,
        Fault::Flush | Fault::Cut(..) => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_schedule_and_another_one_does_not() {
        let length = Duration::from_secs(60);
        assert_eq!(schedule(7, length, 2, 2), schedule(7, length, 2, 2));
        assert_ne!(schedule(7, length, 2, 2), schedule(8, length, 2, 2));
    }

    #[test]
    fn a_long_schedule_holds_every_kind() {
        let planned = schedule(1, Duration::from_secs(120), 2, 2);
        let kinds = |of: fn(&Fault) -> bool| planned.iter().filter(|(_, fault)| of(fault)).count();
        for of in [
            (|fault| matches!(fault, Fault::KillApi(..))) as fn(&Fault) -> bool,
            |fault| matches!(fault, Fault::KillWorker(..)),
            |fault| matches!(fault, Fault::FreezeWorker(..)),
            |fault| matches!(fault, Fault::RestartPostgres { crash: true, .. }),
            |fault| matches!(fault, Fault::RestartPostgres { crash: false, .. }),
            |fault| matches!(fault, Fault::Flush),
            |fault| matches!(fault, Fault::LoseRedis(..)),
            |fault| matches!(fault, Fault::Cut(_, Cut::Half)),
            |fault| matches!(fault, Fault::Weather(_, Weather::Silent, _)),
        ] {
            assert!(kinds(of) > 0);
        }
    }
}
