//! One attempt on the stream: flat text fields and a JSON payload (integrations 1.2.2, R-SUB-4).

mod payload;
mod read;
mod settings;
#[cfg(test)]
mod tests;
mod write;

pub use payload::Payload;
pub use read::{BadEntry, StreamEntry};
pub use write::Writer;
pub(crate) use write::user_data;

use ges_domain::ports::Dispatch;
use ges_domain::wait::EwtMode;
use ges_domain::{CallbackId, submission};

/// The fields of an entry, in the order they are written.
pub type Fields = Vec<(&'static str, String)>;

/// The version of the entry's form that we write and read.
pub const SCHEMA: u64 = 1;
/// The only event there is.
pub const EVENT: &str = "callback.start";

/// What every entry of this installation says about us.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// Base URL a session calls: ends with `/genesys`, no slash after it. A wrong one makes every submission fail.
    pub ges_url: String,
    /// Preferred region, when there is one (integrations 1.6).
    pub region: Option<String>,
    /// How waits of services are estimated that name no mode (integrations 3.1).
    pub ewt_mode: EwtMode,
}

/// The correlation id of an attempt. The same attempt has the same id however often it is written.
pub fn corr_id(callback: CallbackId, attempt: u32) -> String {
    submission::correlation(callback, attempt).to_string()
}

/// The entry of one attempt; for batches a [`Writer`] is cheaper.
pub fn entry(dispatch: &Dispatch, origin: &Origin, corr_id: &str) -> Fields {
    Writer::new(origin).entry(dispatch, corr_id)
}
