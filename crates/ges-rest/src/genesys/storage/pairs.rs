//! The keys and values of a storage call, whatever form they came in.

use axum::extract::Request;
use ges_domain::callback::Scalar;
use percent_encoding::percent_decode;

use super::super::fault::{Exception, GmsFault};
use crate::body::{media_type, read};
use crate::fields::Fields;
use crate::listener::Site;
use crate::scalar::scalar;
use axum::http::StatusCode;

/// Longest key in characters.
const KEY: usize = 255;

/// Keys with their values; `null` is left out. Of a repeated key the last counts.
#[derive(Debug, Default)]
pub(super) struct Pairs(pub(super) Vec<(String, Scalar)>);

impl Pairs {
    /// Reads a JSON object or a form. Without a content type the first character tells which.
    pub(super) async fn read(request: Request, site: &Site) -> Result<Self, GmsFault> {
        let media = media_type(request.headers()).map(|media| media.to_ascii_lowercase());
        let body = read(request, site).await?;
        let looks_like_json = body.trim_ascii_start().starts_with(b"{");
        let pairs = match media.as_deref() {
            _ if body.trim_ascii().is_empty() => Self::default(),
            Some("application/json") => Self::of_json(&body)?,
            Some("application/x-www-form-urlencoded") => Self::of_form(&body)?,
            None if looks_like_json => Self::of_json(&body)?,
            None => Self::of_form(&body)?,
            Some(_) => {
                return Err(GmsFault::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    Exception::InvalidOption,
                    "Content-Type must be application/json or application/x-www-form-urlencoded",
                ));
            }
        };
        match pairs.0.iter().all(|(key, _)| !key.is_empty() && key.chars().count() <= KEY && !key.contains('\0')) {
            true => Ok(pairs),
            false => Err(GmsFault::option(format!("A key must have 1 to {KEY} characters and no NUL"))),
        }
    }

    fn of_json(body: &[u8]) -> Result<Self, GmsFault> {
        let mut pairs = Vec::new();
        for (key, value) in Fields::of_body(body)?.iter() {
            let value = scalar(value).map_err(|flaw| GmsFault::option(format!("A value {flaw}")))?;
            pairs.extend(value.map(|value| (key.to_owned(), value)));
        }
        Ok(Self(pairs))
    }

    fn of_form(body: &[u8]) -> Result<Self, GmsFault> {
        let mut pairs: Vec<(String, Scalar)> = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let cut = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (key, value) = (decode(&pair[..cut])?, decode(pair.get(cut + 1..).unwrap_or_default())?);
            if value.contains('\0') {
                return Err(GmsFault::option("A value must not contain NUL characters"));
            }
            pairs.push((key, Scalar::Text(value)));
        }
        Ok(Self(pairs))
    }
}

fn decode(raw: &[u8]) -> Result<String, GmsFault> {
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let text = percent_decode(&spaced).decode_utf8().map_err(|_| GmsFault::option("The form is not valid UTF-8"))?;
    Ok(text.into_owned())
}
