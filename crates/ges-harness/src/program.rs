//! One of our own programs as a child process.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What to tell a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// End now, without a word (SIGKILL).
    Kill,
    /// Please end (SIGTERM).
    Term,
    /// Ctrl-C (SIGINT).
    Interrupt,
    /// Stand still (SIGSTOP).
    Stop,
    /// Go on (SIGCONT).
    Continue,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Term => "TERM",
            Self::Interrupt => "INT",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }
}

/// A running program; killed by its process id when dropped. Its output goes to a log file.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

/// A binary of this workspace, built beside the test or bench that asks.
///
/// # Errors
/// It has not been built: run through `cargo xtask`, which builds the whole workspace.
pub fn workspace_binary(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("no path of this program")?;
    let found = own.ancestors().skip(1).take(3).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("the program {name} is not built; run `cargo build --workspace` first"))
}

impl Program {
    /// Starts `binary` with exactly this environment (and `PATH`), logging to `folder/name.log`, appended.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        name: &str,
        binary: &Path,
        arguments: &[&str],
        environment: &[(String, String)],
        folder: &Path,
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let mut out = File::options().create(true).append(true).open(&log)?;
        writeln!(out, "--- start of {name}")?;
        let path = std::env::vars_os().find(|(key, _)| key == "PATH").map(|(_, value)| value).unwrap_or_default();
        let child = Command::new(binary)
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// The process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        send_signal(self.id(), signal).with_context(|| format!("{} is gone: {}", self.name, self.tail()))
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end, at most `limit`.
    ///
    /// # Errors
    /// It is still there afterwards.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > until {
                bail!("{} did not end within {limit:?}", self.name);
            }
            pause();
        }
    }

    /// Kills it without a word and waits for its end.
    ///
    /// # Errors
    /// It cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Everything it has written so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The end of its output, for messages.
    pub fn tail(&self) -> String {
        let output = self.output();
        let lines: Vec<_> = output.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Resident memory in bytes, where `/proc` tells.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    }

    /// User and system time it has used, where `/proc` tells; the clock tick is 10 ms.
    pub fn cpu_time(&self) -> Option<Duration> {
        cpu_time_of(self.id())
    }

    /// Waits until `GET http://127.0.0.1:port/path` answers 200.
    ///
    /// # Errors
    /// It ends, or does not answer within `limit`; with the end of its output.
    pub fn wait_for_http(&mut self, port: u16, path: &str, limit: Duration) -> Result<Duration> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if http_status(port, path) == Some(200) {
                return Ok(begun.elapsed());
            }
            if !self.runs() {
                break;
            }
            pause();
        }
        bail!("{} does not answer on port {port}:\n{}", self.name, self.tail())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone is fine; a zombie is not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that was started here.
pub(crate) fn send_signal(id: u32, signal: Signal) -> Result<()> {
    let (flag, id) = (format!("-{}", signal.name()), id.to_string());
    let done = Command::new("kill").args([&flag, &id]).stderr(Stdio::null()).status()?;
    if done.success() { Ok(()) } else { bail!("there is no process {id}") }
}

/// User and system time a process has used.
pub fn cpu_time_of(id: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// The status of a plain GET on loopback, or nothing when nobody answers properly.
pub fn http_status(port: u16, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer).ok()?;
    answer.split_whitespace().nth(1)?.parse().ok()
}

fn pause() {
    // Real processes have no virtual time to wait in. Short, because how soon a program is ready is measured.
    std::thread::park_timeout(Duration::from_millis(5));
}
