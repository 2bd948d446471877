//! What an internal call brings, whatever form it came in: keys with values, and files (integrations 2.1).

use std::convert::Infallible;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use bytes::Bytes;
use ges_domain::callback::Scalar;
use ges_domain::idempotency::BodyDigest;
use ges_domain::ports::AreaFile;
use percent_encoding::percent_decode;
use sha2::{Digest, Sha256};

use super::fault::{Exception, GmsFault};
use crate::body::{media_type, read};
use crate::fields::Fields;
use crate::listener::Site;
use crate::scalar::scalar;

/// Longest key in characters.
const KEY: usize = 255;
/// Most keys and files of one call.
const MOST_PARTS: usize = 10_000;

/// The body of a call.
#[derive(Debug)]
pub(super) struct Sent {
    /// Keys with their values; `null` is left out. Of a repeated key the last counts.
    pub(super) pairs: Vec<(String, Scalar)>,
    /// Files of a multipart body.
    pub(super) files: Vec<(String, AreaFile)>,
    /// Digest of the body as it came.
    pub(super) digest: BodyDigest,
}

impl Sent {
    /// Reads a JSON object, a form or a multipart body. Without a content type the first character tells which.
    pub(super) async fn read(request: Request, site: &Site) -> Result<Self, GmsFault> {
        let media = media_type(request.headers()).map(|media| media.to_ascii_lowercase());
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned).unwrap_or_default();
        let body = read(request, site).await?;
        let digest = BodyDigest(Sha256::digest(&body).into());
        let looks_like_json = body.trim_ascii_start().starts_with(b"{");
        let mut files = Vec::new();
        let pairs = match media.as_deref() {
            _ if body.trim_ascii().is_empty() => Vec::new(),
            Some("application/json") => of_json(&body)?,
            Some("application/x-www-form-urlencoded") => of_form(&body)?,
            Some("multipart/form-data") => of_parts(body, &content_type, &mut files).await?,
            None if looks_like_json => of_json(&body)?,
            None => of_form(&body)?,
            Some(_) => {
                return Err(GmsFault::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    Exception::InvalidOption,
                    "Content-Type must be application/json, application/x-www-form-urlencoded or multipart/form-data",
                ));
            }
        };
        let keys = pairs.iter().map(|(key, _)| key).chain(files.iter().map(|(key, _)| key));
        for key in keys {
            if key.is_empty() || key.chars().count() > KEY || key.contains('\0') {
                return Err(GmsFault::option(format!("A key must have 1 to {KEY} characters and no NUL")));
            }
        }
        match pairs.len() + files.len() > MOST_PARTS {
            true => Err(GmsFault::option(format!("A call must have at most {MOST_PARTS} keys"))),
            false => Ok(Self { pairs, files, digest }),
        }
    }

    /// The keys of a call that takes no files.
    pub(super) async fn keys(request: Request, site: &Site) -> Result<Vec<(String, Scalar)>, GmsFault> {
        Self::read(request, site).await?.without_files()
    }

    /// The keys, when no file came with them.
    pub(super) fn without_files(self) -> Result<Vec<(String, Scalar)>, GmsFault> {
        match self.files.is_empty() {
            true => Ok(self.pairs),
            false => Err(GmsFault::option("This call takes no files")),
        }
    }
}

/// A value as text: numbers and booleans as they were written.
pub(super) fn written(value: &Scalar) -> String {
    match value {
        Scalar::Text(text) | Scalar::Number(text) => text.clone(),
        Scalar::Bool(truth) => truth.to_string(),
    }
}

fn of_json(body: &[u8]) -> Result<Vec<(String, Scalar)>, GmsFault> {
    let mut pairs = Vec::new();
    for (key, value) in Fields::of_body(body)?.iter() {
        let nested = value.get().starts_with(['{', '[']);
        if nested && key.starts_with('_') && key != "_user_data" {
            return Err(GmsFault::option("A key that begins with _ must have a plain value"));
        }
        let value = scalar(value).map_err(|flaw| GmsFault::option(format!("A value {flaw}")))?;
        pairs.extend(value.map(|value| (key.to_owned(), value)));
    }
    Ok(pairs)
}

fn of_form(body: &[u8]) -> Result<Vec<(String, Scalar)>, GmsFault> {
    let mut pairs: Vec<(String, Scalar)> = Vec::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let cut = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (key, value) = (decode(&pair[..cut])?, decode(pair.get(cut + 1..).unwrap_or_default())?);
        pairs.push((key, text(value)?));
    }
    Ok(pairs)
}

fn decode(raw: &[u8]) -> Result<String, GmsFault> {
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let text = percent_decode(&spaced).decode_utf8().map_err(|_| GmsFault::option("The form is not valid UTF-8"))?;
    Ok(text.into_owned())
}

fn text(value: String) -> Result<Scalar, GmsFault> {
    match value.contains('\0') {
        true => Err(GmsFault::option("A value must not contain NUL characters")),
        false => Ok(Scalar::Text(value)),
    }
}

/// A part with a file name, or with a media type other than plain text, is a file.
async fn of_parts(
    body: Bytes,
    content_type: &str,
    files: &mut Vec<(String, AreaFile)>,
) -> Result<Vec<(String, Scalar)>, GmsFault> {
    let malformed = |_| GmsFault::option("The body is not valid multipart/form-data");
    let boundary = multer::parse_boundary(content_type).map_err(malformed)?;
    let whole = futures_util::stream::once(async move { Ok::<_, Infallible>(body) });
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut pairs = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        if pairs.len() + files.len() > MOST_PARTS {
            break;
        }
        let key = part.name().map(str::to_owned).ok_or_else(|| GmsFault::option("A part has no name"))?;
        let media_type = part.content_type().map(|media| media.essence_str().to_owned());
        let is_file = part.file_name().is_some() || media_type.as_deref().is_some_and(|media| media != "text/plain");
        let bytes = part.bytes().await.map_err(malformed)?;
        if is_file {
            let media_type = media_type.unwrap_or_else(|| "application/octet-stream".into());
            files.push((key, AreaFile { media_type, bytes: bytes.to_vec() }));
        } else {
            let value = String::from_utf8(bytes.to_vec());
            pairs.push((key, text(value.map_err(|_| GmsFault::option("A part is not valid UTF-8"))?)?));
        }
    }
    Ok(pairs)
}
