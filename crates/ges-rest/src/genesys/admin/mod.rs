//! `/genesys/1/admin/callback`: listings, counts and bulk acts (integrations 2.7 to 2.9).

pub(super) mod cancel;
pub(super) mod queues;
pub(super) mod report;
#[cfg(test)]
mod tests;
pub(super) mod watermarks;
