//! The body of operations on one callback: `{"id": "<uuid>"}`.

use ges_domain::CallbackId;

use crate::answer::Failure;
use crate::body::JsonBody;
use crate::fields::invalid;

/// Reads the required id.
pub(super) fn id_of(body: &JsonBody) -> Result<CallbackId, Failure> {
    let id = body.fields()?.required_text("id", 1024)?;
    id.parse().map_err(|_| invalid("id", "must be a UUID"))
}
