//! `services`: PostgreSQL and Redis that stay up while you work, in `target/services`.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Subcommand;
use xshell::{Shell, cmd};

use crate::install;
use ges_harness::{Postgres, Redis};

/// What to do with the services.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Action {
    /// Starts what is not running and prints the environment to paste
    Up,
    /// Ends them; data stays
    Down,
    /// Says what runs
    Status,
}

/// Runs the action.
///
/// # Errors
/// A server is missing or does not start.
pub(crate) fn run(root: &Path, action: Action) -> Result<()> {
    let folder = root.join("target/services");
    let programs = install::programs(true)?;
    let (postgres, redis) = (folder.join("postgres"), folder.join("redis"));
    match action {
        Action::Up => {
            std::fs::create_dir_all(&folder)?;
            if !Postgres::runs(&programs.postgres, &postgres)? {
                let server = Postgres::start(&programs.postgres, &postgres, None, false)?;
                std::fs::write(folder.join("postgres.url"), server.url())?;
                server.leave();
            }
            if redis_process(&folder).is_none() {
                let server = Redis::start(&programs.redis, &redis)?;
                std::fs::write(folder.join("redis.url"), server.url())?;
                std::fs::write(folder.join("redis.pid"), server.leave().to_string())?;
            }
            print!("{}", environment(&folder)?);
        }
        Action::Down => {
            let stopped = Postgres::stop(&programs.postgres, &postgres)?;
            println!("postgres: {}", if stopped { "ended" } else { "was not running" });
            println!("redis: {}", if end_redis(&folder)? { "ended" } else { "was not running" });
        }
        Action::Status => {
            let word = |runs: bool| if runs { "runs" } else { "down" };
            let (postgres, redis) = (Postgres::runs(&programs.postgres, &postgres)?, redis_process(&folder).is_some());
            println!("postgres: {}\nredis: {}", word(postgres), word(redis));
            if postgres && redis {
                print!("{}", environment(&folder)?);
            }
        }
    }
    Ok(())
}

fn environment(folder: &Path) -> Result<String> {
    let read = |name: &str| {
        std::fs::read_to_string(folder.join(name)).with_context(|| format!("no {name}; run `down`, then `up`"))
    };
    let (postgres, redis) = (read("postgres.url")?, read("redis.url")?);
    Ok(format!("export GES_TEST_PG_URL={postgres}\nexport GES_TEST_REDIS_URL={redis}\n"))
}

/// Process id of our Redis, if it lives. The id in the file may by now belong to somebody else, so what it runs is
/// compared first.
fn redis_process(folder: &Path) -> Option<u32> {
    let id: u32 = std::fs::read_to_string(folder.join("redis.pid")).ok()?.trim().parse().ok()?;
    let command = std::fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?;
    let url = std::fs::read_to_string(folder.join("redis.url")).ok()?;
    let port = url.trim_end_matches("/0").rsplit_once(':')?.1.to_owned();
    (command.contains("-server") && command.contains(&port)).then_some(id)
}

fn end_redis(folder: &Path) -> Result<bool> {
    let Some(id) = redis_process(folder) else { return Ok(false) };
    let (shell, id) = (Shell::new()?, id.to_string());
    cmd!(shell, "kill {id}").quiet().run()?;
    std::fs::remove_file(folder.join("redis.pid"))?;
    Ok(true)
}
