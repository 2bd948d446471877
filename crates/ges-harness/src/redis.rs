//! A Redis of our own, without persistence.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::free_port;

const ATTEMPTS: u32 = 5;
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const REPLY_WITHIN: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// A running server; ends when dropped, unless it is left alone.
#[derive(Debug)]
pub struct Redis {
    /// `None` once it is left alone.
    process: Option<Child>,
    port: u16,
    /// Settings of a start, beside those that every server has.
    settings: Vec<String>,
}

impl Redis {
    /// Starts a server on a free port, working in `folder`.
    ///
    /// # Errors
    /// It does not answer in time.
    pub fn start(program: &Path, folder: &Path) -> Result<Self> {
        Self::start_with(program, folder, || Ok(Vec::new()))
    }

    /// The same with settings of its own, made anew for each try: `--name`, `value`.
    pub(crate) fn start_with(
        program: &Path,
        folder: &Path,
        settings: impl Fn() -> Result<Vec<String>>,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        for _ in 0..ATTEMPTS {
            let (port, settings) = (free_port()?, settings()?);
            let process = Some(spawn(program, folder, port, &settings)?);
            let mut server = Self { process, port, settings };
            if server.answers() {
                return Ok(server);
            }
        }
        bail!("Redis does not start; see {}", folder.join("log").display());
    }

    /// Address of database 0.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Sends one command, words separated by spaces, and answers what it says, lines for a list.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub fn ask(&self, command: &str) -> Result<String> {
        ask(self.port, command)
    }

    /// Kills it without a word; what it held is gone. [`Redis::start_again`] follows.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts an empty one on the same port.
    ///
    /// # Errors
    /// It does not answer in time.
    pub fn start_again(&mut self, program: &Path, folder: &Path) -> Result<()> {
        self.process = Some(spawn(program, folder, self.port, &self.settings)?);
        if self.answers() { Ok(()) } else { bail!("Redis does not start again; see {}", folder.join("log").display()) }
    }

    /// Lets the server live on; answers its process id.
    pub fn leave(mut self) -> u32 {
        self.process.take().map_or(0, |process| process.id())
    }

    fn answers(&mut self) -> bool {
        let rounds = ANSWER_WITHIN.as_millis() / PAUSE.as_millis();
        for _ in 0..rounds {
            // A port that another took meanwhile makes the server end at once.
            if self.process.as_mut().is_none_or(|process| process.try_wait().is_ok_and(|ended| ended.is_some())) {
                return false;
            }
            if pong(self.port).is_ok() {
                return true;
            }
            #[expect(clippy::disallowed_methods, reason = "this program has no runtime and waits for another process")]
            std::thread::sleep(PAUSE);
        }
        false
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn spawn(program: &Path, folder: &Path, port: u16, settings: &[String]) -> Result<Child> {
    Command::new(program)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder)
        .arg("--logfile")
        .arg(folder.join("log"))
        .args(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C at the terminal is for the developer's own command.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))
}

fn pong(port: u16) -> Result<()> {
    let answer = ask(port, "PING")?;
    if answer == "PONG" { Ok(()) } else { bail!("{answer}") }
}

/// Sends one command, words separated by spaces, and answers what the server says, lines for a list.
pub(crate) fn ask(port: u16, command: &str) -> Result<String> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(REPLY_WITHIN))?;
    connection.write_all(format!("{command}\r\n").as_bytes())?;
    read(&mut BufReader::new(connection)).with_context(|| format!("{command} on port {port}"))
}

fn read(from: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let (kind, rest) = line.trim_end().split_at_checked(1).context("no answer")?;
    Ok(match kind {
        "-" => bail!("{rest}"),
        "$" => {
            let Ok(length) = usize::try_from(rest.parse::<i64>()?) else { return Ok(String::new()) };
            let mut bytes = vec![0; length + 2];
            from.read_exact(&mut bytes)?;
            bytes.truncate(length);
            String::from_utf8(bytes)?
        }
        "*" => (0..rest.parse::<usize>()?).map(|_| read(from)).collect::<Result<Vec<_>>>()?.join("\n"),
        _ => rest.to_owned(),
    })
}
