//! `POST /genesys/1/admin/callback/reportcancelled` (integrations 2.9, F-15): CSV by RFC 4180, written while it is read.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use ges_domain::TenantId;
use ges_domain::callback::{Callback, Reason, State as CallbackState};
use ges_domain::ports::{Look, StoreError};

use super::super::answers::final_body;
use super::super::callbacks::shown::property;
use super::super::fault::GmsFault;
use super::super::place::Tenant;
use crate::body;
use crate::fields::Fields;
use crate::listener::Site;
use crate::scalar;
use crate::sheet;

/// Columns when none are asked for.
const COLUMNS: [&str; 6] =
    ["_id", "_service_name", "_customer_number", "_desired_time", "_callback_state", "_callback_reason"];
/// Most columns, and most characters of a column's name.
const MOST_COLUMNS: usize = 50;
const NAME: usize = 255;
/// Most lines of a report.
const MOST_LINES: usize = 100_000;

pub(in super::super) async fn report(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    request: Request,
) -> Result<Response, GmsFault> {
    let body = body::read(request, &site).await?;
    let body = if body.trim_ascii().is_empty() { bytes::Bytes::from_static(b"{}") } else { body };
    let fields = Fields::of_body(&body)?;
    let reasons = match fields.any_text("callback_reason").filter(|text| !text.trim().is_empty()) {
        Some(text) => {
            vec![Reason::new(text.trim()).map_err(|bad| GmsFault::option(format!("callback_reason {bad}")))?]
        }
        None => vec![
            Reason::CANCELLED,
            Reason::CANCELLED_BY_ADMIN,
            Reason::CANCELLED_BY_AGENT,
            Reason::CANCELLED_BY_CUSTOMER,
        ],
    };
    let columns = columns(&fields)?;
    let look = Look { reasons, states: vec![CallbackState::Completed], ..Look::through(None) };
    // The first page is read before anything is answered: a store that is away is a 503, not half a report.
    let first = site.api().inside.lookup.look(tenant, &look, site.api().inside.clock.now()).await?;
    let lines =
        Lines { site, tenant, columns, left: MOST_LINES, next: look.next(&first), page: Some(first), head: true };
    let chunks = stream::try_unfold(lines, Lines::more);
    let mut response = final_body(HeaderValue::from_static("text/csv; charset=utf-8"), Body::from_stream(chunks));
    let file = HeaderValue::from_static("attachment; filename=\"cancelled.csv\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, file);
    Ok(response)
}

fn columns(fields: &Fields<'_>) -> Result<Vec<String>, GmsFault> {
    let Some(list) = fields.list("exported_properties")?.filter(|list| !list.is_empty()) else {
        return Ok(COLUMNS.map(str::to_owned).to_vec());
    };
    let wrong =
        || GmsFault::option(format!("exported_properties must be 1 to {MOST_COLUMNS} names of 1 to {NAME} characters"));
    if list.len() > MOST_COLUMNS {
        return Err(wrong());
    }
    let name = |entry: &serde_json::value::RawValue| {
        let text = scalar::text(entry.get()).ok().filter(|_| entry.get().starts_with('"'));
        text.filter(|text| (1..=NAME).contains(&text.chars().count())).ok_or_else(wrong)
    };
    list.into_iter().map(name).collect()
}

/// What is still to be written.
struct Lines {
    site: Arc<Site>,
    tenant: TenantId,
    columns: Vec<String>,
    left: usize,
    next: Option<Look>,
    /// A page that is read and not written yet.
    page: Option<Vec<Callback>>,
    /// Whether the header line is still to come.
    head: bool,
}

impl Lines {
    /// One page of lines; none at the end.
    async fn more(mut self) -> Result<Option<(Vec<u8>, Self)>, StoreError> {
        let page = match (self.page.take(), self.next.take().filter(|_| self.left > 0)) {
            (Some(page), next) => {
                self.next = next;
                page
            }
            (None, None) => return Ok(None),
            (None, Some(look)) => {
                let inside = &self.site.api().inside;
                let page = inside.lookup.look(self.tenant, &look, inside.clock.now()).await?;
                self.next = look.next(&page);
                page
            }
        };
        let head = std::mem::take(&mut self.head).then(|| self.columns.clone());
        let line = |callback: &Callback| self.columns.iter().map(|name| property(callback, name)).collect::<Vec<_>>();
        let chunk = sheet::lines(head.into_iter().chain(page.iter().take(self.left).map(line)));
        self.left = self.left.saturating_sub(page.len());
        Ok(Some((chunk, self)))
    }
}
