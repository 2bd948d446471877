//! What a socket serves while its process starts, and what it serves afterwards.

use std::sync::{Arc, OnceLock};

use axum::Router;

/// A router that is there from the start, or a makeshift one that gives way to the whole once that can be built. Clones share it.
#[derive(Clone)]
pub struct Door {
    first: Router,
    /// None where the first is all there will be.
    whole: Option<Arc<OnceLock<Router>>>,
}

impl Door {
    /// Serves `first` until it is opened.
    pub fn ajar(first: Router) -> Self {
        Self { first, whole: Some(Arc::default()) }
    }

    /// Serves `whole` from the next request on, also on connections that stand. Opened again, nothing changes.
    pub fn open(&self, whole: Router) {
        if let Some(place) = &self.whole {
            let _ = place.set(whole);
        }
    }

    /// Whether everything there is to serve is served.
    pub fn is_open(&self) -> bool {
        self.whole.as_ref().is_none_or(|place| place.get().is_some())
    }

    pub(crate) fn router(&self) -> Router {
        self.whole.as_ref().and_then(|place| place.get()).unwrap_or(&self.first).clone()
    }
}

impl From<Router> for Door {
    fn from(first: Router) -> Self {
        Self { first, whole: None }
    }
}
