//! What was answered a moment ago, for questions that only read: given again while the record store is silent (integrations 8.5).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::Uri;
use ges_domain::{Refusal, TenantId};
use tokio::time::Instant;

use crate::answer::{Answer, Failure};

/// How old a repeated answer may be.
const FRESH: Duration = Duration::from_secs(5);
/// Most answers remembered, and the largest question and answer among them in bytes: 4 MiB at worst.
const MOST: usize = 256;
const LONGEST_QUESTION: usize = 512;
const LARGEST_ANSWER: usize = 16 << 10;

/// Path and query that somebody of a tenant asked.
type Question = (TenantId, String);

/// The answers of one process.
#[derive(Default)]
pub(crate) struct Recent(Mutex<HashMap<Question, (Instant, Answer)>>);

impl Recent {
    /// Remembers an answer, or puts the last one to the same question in the place of a silent store.
    pub(crate) fn settle(
        &self,
        tenant: TenantId,
        uri: &Uri,
        answered: Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        let silent = matches!(&answered, Err(Failure::Refused(Refusal::StoreUnavailable)));
        let Some(question) = question(tenant, uri).filter(|_| silent || answered.is_ok()) else { return answered };
        let now = Instant::now();
        let fresh = |at: &Instant| now.duration_since(*at) <= FRESH;
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answered {
            Ok(answer) => {
                if answer.data.as_ref().is_some_and(|data| data.get().len() <= LARGEST_ANSWER) {
                    if answers.len() >= MOST {
                        answers.retain(|_, (at, _)| fresh(at));
                    }
                    if answers.len() < MOST || answers.contains_key(&question) {
                        answers.insert(question, (now, answer.clone()));
                    }
                }
                Ok(answer)
            }
            Err(failure) => match answers.get(&question).filter(|(at, _)| fresh(at)) {
                Some((_, answer)) => Ok(answer.clone()),
                None => Err(failure),
            },
        }
    }
}

/// The question without the stamp that browsers add against caches.
fn question(tenant: TenantId, uri: &Uri) -> Option<Question> {
    let query = uri.query().unwrap_or_default();
    let mut text = uri.path().to_owned();
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("_=")) {
        text.push('&');
        text.push_str(pair);
    }
    (text.len() <= LONGEST_QUESTION).then_some((tenant, text))
}

#[cfg(test)]
#[path = "recent_tests.rs"]
mod tests;
