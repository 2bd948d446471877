//! One request, put together by an adapter.

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::Serialize;
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use crate::CallError;

#[derive(Clone)]
pub(crate) enum Identity {
    Bearer(SecretString),
    Basic { user: String, password: SecretString },
}

/// A request to a peer. `Debug` and logs show operation and template, never the address, a header or the body (I11).
#[derive(Clone)]
pub struct Call {
    pub(crate) operation: &'static str,
    pub(crate) template: &'static str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) identity: Option<Identity>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) idempotent: bool,
    pub(crate) deadline: Option<Instant>,
    pub(crate) probe: bool,
}

impl Call {
    fn new(method: Method, operation: &'static str, template: &'static str, url: Url) -> Self {
        Self {
            operation,
            template,
            idempotent: method != Method::POST,
            method,
            url,
            headers: HeaderMap::new(),
            identity: None,
            body: None,
            deadline: None,
            probe: false,
        }
    }

    /// A `GET`. `operation` is the metric label, `template` the path as logs may show it, such as `/keys/{key}`.
    pub fn get(operation: &'static str, template: &'static str, url: Url) -> Self {
        Self::new(Method::GET, operation, template, url)
    }

    /// A `POST`, which is not repeated after silence unless it is [`Call::idempotent`].
    pub fn post(operation: &'static str, template: &'static str, url: Url) -> Self {
        Self::new(Method::POST, operation, template, url)
    }

    /// A `PUT`.
    pub fn put(operation: &'static str, template: &'static str, url: Url) -> Self {
        Self::new(Method::PUT, operation, template, url)
    }

    /// A `DELETE`.
    pub fn delete(operation: &'static str, template: &'static str, url: Url) -> Self {
        Self::new(Method::DELETE, operation, template, url)
    }

    /// The peer takes a repetition for the same request.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// A look at whether the peer lives (integrations 8.3): sent once, past an open breaker and a full bulkhead. An answer closes
    /// the breaker, so that real calls go on at once.
    #[must_use]
    pub fn probe(mut self) -> Self {
        self.probe = true;
        self
    }

    /// The whole call, retries included, ends within `time` from now.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.deadline = Some(Instant::now() + time);
        self
    }

    /// Adds `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(mut self, token: SecretString) -> Self {
        self.identity = Some(Identity::Bearer(token));
        self
    }

    /// Adds `Authorization: Basic`.
    #[must_use]
    pub fn basic(mut self, user: &str, password: SecretString) -> Self {
        self.identity = Some(Identity::Basic { user: user.to_owned(), password });
        self
    }

    /// Adds a header.
    ///
    /// # Errors
    /// [`CallError::Unsendable`] when the value cannot stand in a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Result<Self, CallError> {
        let value = HeaderValue::from_str(value).map_err(|error| CallError::Unsendable(error.into()))?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// Sets a body of form fields.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self.body = Some(text.into_bytes());
        self
    }

    /// Sets a body of this media type.
    ///
    /// # Errors
    /// [`CallError::Unsendable`] when the media type cannot stand in a header.
    pub fn bytes(mut self, content_type: &str, body: Vec<u8>) -> Result<Self, CallError> {
        let value = HeaderValue::from_str(content_type).map_err(|error| CallError::Unsendable(error.into()))?;
        self.headers.insert(CONTENT_TYPE, value);
        self.body = Some(body);
        Ok(self)
    }

    /// Sets a JSON body.
    ///
    /// # Errors
    /// [`CallError::Unsendable`] when `body` does not write as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Result<Self, CallError> {
        let text = serde_json::to_vec(body).map_err(|error| CallError::Unsendable(error.into()))?;
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = Some(text);
        Ok(self)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {} {})", self.operation, self.method, self.template)
    }
}
