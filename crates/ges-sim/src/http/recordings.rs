//! What was asked of the peers: the last requests, bounded in number and size. Secrets are kept, this is a test tool.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// Requests kept.
const KEPT: usize = 2_000;
/// Bytes kept of one body.
const BODY_BYTES: usize = 16 * 1024;

/// One request as it came in.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Recorded {
    pub(crate) n: u64,
    pub(crate) target: &'static str,
    pub(crate) at: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// The last requests.
#[derive(Debug, Default)]
pub(crate) struct Recordings {
    last: u64,
    requests: VecDeque<Recorded>,
}

impl Recordings {
    /// Keeps a request under the next number.
    pub(crate) fn keep(&mut self, mut request: Recorded, body: &[u8]) {
        self.last += 1;
        request.n = self.last;
        request.body = String::from_utf8_lossy(&body[..body.len().min(BODY_BYTES)]).into_owned();
        self.requests.push_back(request);
        if self.requests.len() > KEPT {
            self.requests.pop_front();
        }
    }

    /// Requests numbered above `since`, of one target and its roles (`urs` names `urs.primary` too), or of all.
    pub(crate) fn since(&self, target: Option<&str>, since: u64) -> Vec<Recorded> {
        let wanted = |request: &&Recorded| {
            request.n > since && target.is_none_or(|target| super::faults::names(target, request.target))
        };
        self.requests.iter().filter(wanted).cloned().collect()
    }

    /// Forgets the requests; numbers go on.
    pub(crate) fn clear(&mut self) {
        self.requests.clear();
    }
}
