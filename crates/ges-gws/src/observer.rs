//! What the application counts about GWS.

/// Hears about trouble with GWS. Implementations count and return.
pub trait GwsObserver: Send + Sync {
    /// Authentication refused our client id or secret (`GWS_INCORRECT_CLIENT_CREDENTIALS`).
    fn wrong_credentials(&self);

    /// A service broke off, kept silent or answered 5xx, all attempts taken together (`GWS_SERVER_ERROR`).
    fn server_error(&self);
}

/// Counts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl GwsObserver for Silent {
    fn wrong_credentials(&self) {}
    fn server_error(&self) {}
}
