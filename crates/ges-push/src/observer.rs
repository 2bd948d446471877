//! What the application counts, without this crate knowing how.

/// Hears about the provider. Implementations count and return.
pub trait PushObserver: Send + Sync {
    /// The provider was not reached: no connection, silence or a server error (`NEXUS_ACCESS_FAILURE`, integrations 6.6).
    fn not_reached(&self);
}

/// Counts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl PushObserver for Silent {
    fn not_reached(&self) {}
}
