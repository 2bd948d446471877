//! One process of the deployment, running or not.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Program, READY_WITHIN, Signal};

/// One of our programs with everything needed to start it again on the same ports.
#[derive(Debug)]
pub struct Node {
    pub(super) name: String,
    pub(super) binary: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    /// The port that answers when it is ready.
    pub(super) internal: u16,
    /// The external listener, of API pods.
    pub(super) external: Option<u16>,
    /// Path that answers 200 once it is ready.
    pub(super) ready: &'static str,
    pub(super) program: Option<Program>,
    pub(super) ready_after: Option<Duration>,
}

impl Node {
    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Port of the internal listener; of the simulator, its control plane.
    pub fn internal_port(&self) -> u16 {
        self.internal
    }

    /// Port of the external listener, which only API pods have.
    pub fn external_port(&self) -> Option<u16> {
        self.external
    }

    /// Process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.program.as_ref().map(Program::id)
    }

    /// The running program.
    pub fn program(&self) -> Option<&Program> {
        self.program.as_ref()
    }

    /// How long the latest start took until it was ready.
    pub fn ready_after(&self) -> Option<Duration> {
        self.ready_after
    }

    pub(super) fn log(&self, folder: &Path) -> String {
        std::fs::read_to_string(folder.join(format!("{}.log", self.name))).unwrap_or_default()
    }

    pub(super) fn launch(&mut self, folder: &Path) -> Result<()> {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        self.program = Some(Program::start(&self.name, &self.binary, &arguments, &self.environment, folder)?);
        Ok(())
    }

    pub(super) fn start(&mut self, folder: &Path) -> Result<()> {
        let begun = Instant::now();
        self.launch(folder)?;
        let (port, path) = (self.internal, self.ready);
        self.running_mut()?.wait_for_http(port, path, READY_WITHIN)?;
        self.ready_after = Some(begun.elapsed());
        Ok(())
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        let program = self.program.as_ref().with_context(|| format!("{} does not run", self.name))?;
        program.signal(signal)
    }

    pub(super) fn kill(&mut self) -> Result<()> {
        self.running_mut()?.kill()?;
        self.program = None;
        Ok(())
    }

    pub(super) fn terminate(&mut self, limit: Duration) -> Result<()> {
        self.signal(Signal::Term)?;
        self.await_end(limit)
    }

    pub(super) fn await_end(&mut self, limit: Duration) -> Result<()> {
        let program = self.running_mut()?;
        let status = program.wait(limit)?;
        if !status.success() {
            let tail = program.tail();
            bail!("{} ended with {status}:\n{tail}", self.name);
        }
        self.program = None;
        Ok(())
    }

    fn running_mut(&mut self) -> Result<&mut Program> {
        let Self { program, name, .. } = self;
        program.as_mut().with_context(|| format!("{name} does not run"))
    }
}
