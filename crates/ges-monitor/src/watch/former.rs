//! Stopping sessions that lost their callback and did not end (R-EDT-4, R-CAN-2, R-EXP-1, integrations 1.4, 1.5).

use futures_util::{StreamExt, stream};
use ges_domain::Instant;
use ges_domain::callback::{FormerSession, TRY_AGAIN};
use ges_domain::ports::{FormerSessions, Sessions, StoreError, Told};

/// Sessions of one look.
const MOST: u32 = 100;
/// Sessions told at once.
const AT_ONCE: usize = 50;

/// Stops those that are due at `now`; how many those were. One that has ended answers that it is gone. One whose node does not
/// answer is tried again, until what it was started for has run out.
pub(super) async fn stop(
    former: &dyn FormerSessions,
    sessions: &dyn Sessions,
    now: Instant,
) -> Result<usize, StoreError> {
    let due = former.former(now, MOST).await?;
    let told: Vec<(FormerSession, Told)> = stream::iter(due)
        .map(|former| async move {
            let told = sessions.terminate(&former.session).await;
            (former, told)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let count = told.len();
    let (mut over, mut again) = (Vec::new(), Vec::new());
    for (former, told) in told {
        let (callback, session) = (former.callback, former.session.id.clone());
        match told {
            Told::Unreachable if now < former.until => again.push(former),
            Told::Unreachable => {
                tracing::warn!(callback.id = %callback, session.id = %session, "a session without a callback was never reached");
                over.push(former);
            }
            Told::Accepted => {
                tracing::info!(callback.id = %callback, session.id = %session, "a session did not end for its callback and was stopped");
                over.push(former);
            }
            Told::Gone | Told::Refused => over.push(former),
        }
    }
    if !over.is_empty() {
        former.forget_former(&over).await?;
    }
    if !again.is_empty() {
        former.postpone_former(&again, now + TRY_AGAIN).await?;
    }
    Ok(count)
}
