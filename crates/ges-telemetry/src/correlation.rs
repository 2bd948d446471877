//! The correlation id of the work at hand: what joins our log lines with those of the peers that are called for it.

use std::future::Future;

tokio::task_local! {
    static CORRELATION: Box<str>;
}

/// Runs `work` under a correlation id; the calls it makes in this task carry it (integrations 0.4).
pub async fn correlated<F: Future>(id: impl Into<Box<str>>, work: F) -> F::Output {
    CORRELATION.scope(id.into(), work).await
}

/// The correlation id of the running work, if it has one.
pub fn correlation() -> Option<Box<str>> {
    CORRELATION.try_with(Clone::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_has_the_id_it_was_given_and_none_outside() {
        assert_eq!(correlation(), None);
        let inside = correlated("outer", async {
            let inner = correlated("inner", async { correlation() }).await;
            (correlation(), inner)
        });
        assert_eq!(inside.await, (Some("outer".into()), Some("inner".into())));
        assert_eq!(correlation(), None);
    }
}
