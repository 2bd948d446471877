//! Credentials of tenants: sealed before they reach the record store, opened for those who use them.
//!
//! AES-256-GCM with the tenant, kind and name as associated text, so that a sealed credential opens nowhere else. The first key
//! seals, every key opens: two keys at once make a rotation. Never here: a credential in a log line, an error or a `Debug`.

mod keys;
mod live;
mod vault;

pub use keys::{BadKeys, Keys};
pub use live::{HEARD_EVERYWHERE, LiveKeys};
pub use vault::{Check, Vault};
