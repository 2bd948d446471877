//! `/genesys/1/patterns` and `/genesys/1/patterns/group/{group}`: which pattern a text is (integrations 2.13).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ges_domain::publishing::{first_matches, section_of_group};
use percent_encoding::percent_decode;

use super::fault::{Exception, GmsFault, Written};
use super::place::tenant_of;
use crate::answer::JSON;
use crate::body::{media_type, read};
use crate::exchange::Exchange;
use crate::listener::Site;
use crate::path::{is_named, segment};

/// Most parameters of one question.
const PARAMETERS: usize = 100;

/// Answers each parameter that is one of the group's patterns with the name of the first.
pub(super) async fn matching(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    request: Request,
) -> Result<Response, GmsFault> {
    let tenant = tenant_of(&site, &exchange, request.headers()).await?;
    let group = is_named(request.uri().path(), 4).then(|| name_of(segment(request.uri().path(), 4))).transpose()?;
    let parameters = parameters(request, &site).await?;
    let publish = &site.api().publish;
    let section = publish.publishing.section(tenant, &section_of_group(group.as_deref())).await?;
    let section = match (section, group) {
        (Some(section), _) => section,
        // No patterns at all match nothing; a group has to exist.
        (None, None) => return Ok(answer(&BTreeMap::new())),
        (None, Some(_)) => return Err(no_such_group()),
    };
    let found = first_matches(&section, &*publish.plan, &parameters).map_err(|broken| {
        tracing::error!(%broken, "a pattern list cannot be used");
        GmsFault::new(StatusCode::INTERNAL_SERVER_ERROR, Exception::Internal, broken.to_string())
    })?;
    Ok(answer(&found))
}

/// The name of a group; one that cannot be read, or that no store could hold, is nobody's.
fn name_of(named: Option<String>) -> Result<String, GmsFault> {
    named.filter(|name| !name.contains('\0')).ok_or_else(no_such_group)
}

fn no_such_group() -> GmsFault {
    GmsFault::new(StatusCode::NOT_FOUND, Exception::NotFound, "No such group of patterns")
}

fn answer(found: &BTreeMap<String, String>) -> Response {
    let body = serde_json::to_vec(found).expect("invariant: a map of texts has a JSON form");
    let mut response = ([(header::CONTENT_TYPE, JSON)], body).into_response();
    response.extensions_mut().insert(Written);
    response
}

async fn parameters(request: Request, site: &Site) -> Result<BTreeMap<String, String>, GmsFault> {
    let media = media_type(request.headers()).map(|media| media.to_ascii_lowercase());
    let boundary = boundary(request.headers());
    let body = read(request, site).await?;
    let found = match (media.as_deref(), boundary) {
        (None | Some("application/x-www-form-urlencoded"), _) => form(&body),
        (Some("multipart/form-data"), Some(boundary)) => parts(&body, &boundary),
        (Some("multipart/form-data"), None) => None,
        (Some(_), _) => {
            let text = "Content-Type must be application/x-www-form-urlencoded or multipart/form-data";
            return Err(GmsFault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Exception::InvalidOption, text));
        }
    };
    let found = found.ok_or_else(|| GmsFault::option("The body is not a form of UTF-8 texts"))?;
    if found.len() > PARAMETERS {
        return Err(GmsFault::option(format!("At most {PARAMETERS} parameters are matched at once")));
    }
    Ok(found)
}

fn form(body: &[u8]) -> Option<BTreeMap<String, String>> {
    let decode = |raw: &[u8]| {
        let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        Some(percent_decode(&spaced).decode_utf8().ok()?.into_owned())
    };
    let pairs = body.trim_ascii().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let read = |pair: &[u8]| {
        let cut = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        Some((decode(&pair[..cut])?, decode(pair.get(cut + 1..).unwrap_or_default())?))
    };
    pairs.map(read).collect()
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let mut parameters = value.split(';').skip(1).filter_map(|parameter| parameter.trim().split_once('='));
    let (_, boundary) = parameters.find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let boundary = boundary.trim_matches('"');
    (1..=70).contains(&boundary.len()).then(|| boundary.to_owned())
}

/// The text fields of a multipart form (RFC 7578); parts without a name are left out.
fn parts(body: &[u8], boundary: &str) -> Option<BTreeMap<String, String>> {
    let text = std::str::from_utf8(body).ok()?;
    // The first boundary has no line before it, the last is followed by two dashes.
    let text = format!("\r\n{text}");
    let delimiter = format!("\r\n--{boundary}");
    let mut parts = text.split(delimiter.as_str()).skip(1);
    let mut found = BTreeMap::new();
    loop {
        let part = parts.next()?;
        if part.starts_with("--") {
            return Some(found);
        }
        let (head, value) = part.trim_start_matches([' ', '\t']).strip_prefix("\r\n")?.split_once("\r\n\r\n")?;
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        });
        let name = disposition.and_then(|value| {
            let mut parameters = value.split(';').filter_map(|parameter| parameter.trim().split_once('='));
            parameters.find(|(name, _)| name.eq_ignore_ascii_case("name"))
        });
        if let Some((_, name)) = name {
            found.insert(name.trim_matches('"').to_owned(), value.to_owned());
        }
    }
}

#[cfg(test)]
#[path = "patterns_tests.rs"]
mod tests;
