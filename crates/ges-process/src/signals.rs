//! SIGTERM and Ctrl-C: the first asks for an orderly end, the second does not wait for it.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first signal and leaves the process at the second, with status 130.
///
/// # Errors
/// Signals cannot be watched.
pub fn stop_on_signals(stop: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for round in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if round == 0 {
                tracing::info!("draining; a second signal ends at once");
                stop.cancel();
            }
        }
        tracing::warn!("second signal: leaving without draining");
        std::process::exit(130);
    });
    Ok(())
}
