//! Errors as GMS clients read them (integrations 2.1).

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ges_domain::ports::StoreError;
use ges_domain::{Instant, Proposals, Refusal};
use serde::Serialize;

use crate::answer::{Answer, Failure, JSON};
use crate::refusal::{QUEUE, whole_seconds};

/// Marks an answer whose body is final.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written;

/// The class an old script compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exception {
    NotFound,
    InvalidOption,
    Availability,
    ServiceUnavailable,
    Operation,
    SessionNotFound,
    Internal,
}

impl Exception {
    const fn class(self) -> &'static str {
        match self {
            Self::NotFound => "com.genesyslab.gsg.services.callback.exceptions.CallbackExceptionNotFound",
            Self::InvalidOption => "com.genesyslab.gsg.services.callback.exceptions.CallbackExceptionInvalidOption",
            Self::Availability => "com.genesyslab.gsg.services.callback.exceptions.CallbackExceptionAvailability",
            Self::ServiceUnavailable => {
                "com.genesyslab.gsg.services.callback.exceptions.CallbackExceptionServiceUnavailable"
            }
            Self::Operation => "com.genesyslab.gsg.services.callback.exceptions.CallbackExceptionOperation",
            Self::SessionNotFound => "com.genesyslab.gsg.services.callback.exceptions.CallbackExceptionSessionNotFound",
            Self::Internal => "com.genesyslab.gsg.services.callback.exceptions.CallbackExceptionInternal",
        }
    }

    /// The class that goes with the status of an answer nobody gave a class.
    const fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            404 => Self::NotFound,
            409 => Self::Operation,
            400..=499 => Self::InvalidOption,
            503 => Self::ServiceUnavailable,
            _ => Self::Internal,
        }
    }
}

/// A "no" to an internal caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GmsFault {
    pub(crate) status: StatusCode,
    exception: Exception,
    message: Cow<'static, str>,
    retry_after: Option<u64>,
    /// Where there is room instead of the time that was refused.
    availability: Option<Proposals>,
}

/// Seconds after which a number that asked too often may ask again.
const NUMBER: u64 = 3600;
/// Seconds after which a session repeats what the store could not take (integrations 2.10).
const RETRY_AFTER: u64 = 2;

impl GmsFault {
    pub(crate) fn new(status: StatusCode, exception: Exception, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, exception, message: message.into(), retry_after: None, availability: None }
    }

    /// A parameter is missing or wrong.
    pub(crate) fn option(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Exception::InvalidOption, message)
    }

    fn unavailable(message: &'static str) -> Self {
        Self::later(message, RETRY_AFTER)
    }

    /// Not now; worth another try after so many seconds.
    pub(crate) fn later(message: impl Into<Cow<'static, str>>, seconds: u64) -> Self {
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, Exception::ServiceUnavailable, message);
        Self { retry_after: Some(seconds), ..fault }
    }

    /// Nothing by that name.
    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Exception::NotFound, message)
    }

    fn not_available(at: Instant, proposals: Proposals) -> Self {
        let message = format!("Desired time {at} is not available.");
        let fault = Self::new(StatusCode::BAD_REQUEST, Exception::Availability, message);
        Self { availability: Some(proposals), ..fault }
    }

    /// Its sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

/// A refusal in the names its fields have here (integrations 2.2).
fn in_gms_words(refusal: &Refusal) -> String {
    let names = [
        ("phoneNumber", "_customer_number"),
        ("desiredTime", "_desired_time"),
        ("pushTargets", "_device_notification_id"),
        ("userData", "User data"),
        ("Idempotency-Key", "X-Idempotency-Key"),
        ("maxTimeSlots", "max-time-slots"),
    ];
    let message = refusal.to_string();
    let named = names.iter().find_map(|(from, to)| Some(format!("{to}{}", message.strip_prefix(from)?)));
    named.unwrap_or(message)
}

impl From<Refusal> for GmsFault {
    fn from(refusal: Refusal) -> Self {
        let message = in_gms_words(&refusal);
        let fault = |status, exception| Self::new(status, exception, message.clone());
        match refusal {
            Refusal::RecordUnreadable => fault(StatusCode::INTERNAL_SERVER_ERROR, Exception::Internal),
            Refusal::StoreUnavailable => Self::unavailable("Storage unavailable."),
            Refusal::UpstreamUnavailable | Refusal::CaptchaUnavailable | Refusal::UpstreamRefused(_) => {
                Self::unavailable("A service this one depends on is not available.")
            }
            Refusal::TtlLimitReached { retry_in, window, limit } => {
                let seconds = window.as_secs();
                let message = format!(
                    "The limit of {limit} queued callbacks of the service within {seconds} seconds is reached."
                );
                Self::later(message, whole_seconds(retry_in))
            }
            // When one of those that wait is over nobody knows; integrations 2.2 wants a time all the same.
            Refusal::QueueFull => Self::later("The limit of queued callbacks of the service is reached.", QUEUE),
            Refusal::EnqueueLimitReached => Self::later(message, NUMBER),
            Refusal::NoCallInNumber => Self::later(message, QUEUE),
            Refusal::KeyReused => fault(StatusCode::UNPROCESSABLE_ENTITY, Exception::InvalidOption),
            Refusal::NotFound(_) | Refusal::UnknownService(_) | Refusal::UnknownGroup(_) => {
                fault(StatusCode::NOT_FOUND, Exception::NotFound)
            }
            Refusal::OfficeClosed { at, proposals } | Refusal::SlotUnavailable { at, proposals } => {
                Self::not_available(at, proposals)
            }
            Refusal::Unauthorized | Refusal::NoStatisticsCredentials | Refusal::StatisticsCredentialsRefused => {
                fault(StatusCode::UNAUTHORIZED, Exception::Operation)
            }
            Refusal::Forbidden => fault(StatusCode::FORBIDDEN, Exception::Operation),
            Refusal::AlreadyCompleted
            | Refusal::NotCancellable
            | Refusal::NotEditable(_)
            | Refusal::NotReschedulable(_)
            | Refusal::IllegalTransition { .. }
            | Refusal::NotYourSession => fault(StatusCode::CONFLICT, Exception::Operation),
            Refusal::InvalidRequest { .. }
            | Refusal::ServicePaused
            | Refusal::CaptchaFailed
            | Refusal::ImmediateDisabled
            | Refusal::ScheduledDisabled
            | Refusal::PushTargetRequired
            | Refusal::InvalidPushTarget
            | Refusal::ImpossibleNumber
            | Refusal::PremiumNumber
            | Refusal::NumberBlocked
            | Refusal::DesiredTimeInPast
            | Refusal::DesiredTimeTooFar
            | Refusal::UserDataTooLarge => fault(StatusCode::BAD_REQUEST, Exception::InvalidOption),
        }
    }
}

impl From<StoreError> for GmsFault {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<Failure> for GmsFault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            other => {
                let answer = Answer::from(other);
                Self::new(answer.status, Exception::of_status(answer.status), answer.message)
            }
        }
    }
}

impl IntoResponse for GmsFault {
    fn into_response(self) -> Response {
        let mut response = Response::new(body(self.status, self.exception, &self.message, self.availability.as_ref()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Written);
        response
    }
}

/// An answer of the shared parts in this shape.
pub(crate) fn write(answer: &Answer) -> Body {
    body(answer.status, Exception::of_status(answer.status), &answer.message, None)
}

fn body(status: StatusCode, exception: Exception, message: &str, availability: Option<&Proposals>) -> Body {
    #[derive(Serialize)]
    struct FaultBody<'a> {
        message: &'a str,
        error: &'a str,
        phrase: &'a str,
        exception: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        availability: Option<BTreeMap<String, u32>>,
    }
    let phrase = status.canonical_reason().unwrap_or_default();
    let availability = availability.map(|slots| slots.iter().map(|(start, free)| (start.to_string(), *free)).collect());
    let fault = FaultBody { message, error: message, phrase, exception: exception.class(), availability };
    serde_json::to_vec(&fault).expect("invariant: texts and numbers have a JSON form").into()
}
