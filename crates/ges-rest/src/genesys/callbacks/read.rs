//! Values of system properties, whatever form they came in.

use ges_domain::Instant;
use ges_domain::callback::{PushTarget, Scalar};
use ges_domain::phone::PhoneNumber;

use super::super::fault::GmsFault;
use super::super::sent::written;
use crate::dates::moment;
use crate::engagement::create::{PRIORITY, TEXT};

/// Longest kept value of a system extra in characters.
const EXTRA: usize = 16_384;
/// Most bytes of all system extras of a call.
pub(super) const EXTRAS: usize = 64 * 1024;

/// A text of at most 1024 characters; an empty one says nothing.
pub(super) fn short(key: &str, value: &Scalar) -> Result<Option<String>, GmsFault> {
    bounded(key, value, TEXT)
}

/// A system extra.
pub(super) fn extra(key: &str, value: &Scalar) -> Result<String, GmsFault> {
    Ok(bounded(key, value, EXTRA)?.unwrap_or_default())
}

fn bounded(key: &str, value: &Scalar, most: usize) -> Result<Option<String>, GmsFault> {
    let text = written(value);
    if text.chars().count() > most {
        return Err(GmsFault::option(format!("{key} must have at most {most} characters")));
    }
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

pub(super) fn number(value: &Scalar) -> Result<PhoneNumber, GmsFault> {
    PhoneNumber::new(&written(value)).map_err(|bad| GmsFault::option(format!("_customer_number {bad}")))
}

pub(super) fn time(key: &str, value: &Scalar) -> Result<Option<Instant>, GmsFault> {
    let text = written(value);
    if text.trim().is_empty() {
        return Ok(None);
    }
    let read = moment(&text).ok_or_else(|| GmsFault::option(format!("{key} is not a date-time")))?;
    Ok(Some(read.resolve(None)))
}

pub(super) fn priority(value: &Scalar) -> Result<Option<i32>, GmsFault> {
    let text = written(value);
    if text.trim().is_empty() {
        return Ok(None);
    }
    let whole = text.trim().parse::<i32>().ok().filter(|number| (-PRIORITY..=PRIORITY).contains(number));
    let wrong = || GmsFault::option(format!("_priority must be a whole number from -{PRIORITY} to {PRIORITY}"));
    whole.map(Some).ok_or_else(wrong)
}

/// Seconds from 0; parts are cut.
pub(super) fn threshold(value: &Scalar) -> Result<Option<i64>, GmsFault> {
    let text = written(value);
    if text.trim().is_empty() {
        return Ok(None);
    }
    let whole = text.trim().split('.').next().unwrap_or_default().parse::<i64>().ok();
    let plain = text.trim().parse::<f64>().is_ok_and(|number| (0.0..=1e15).contains(&number));
    let wrong = || GmsFault::option("_offer_threshold must be a number of seconds from 0");
    whole.filter(|seconds| plain && *seconds >= 0).map(Some).ok_or_else(wrong)
}

/// The app of a device, when both halves are there.
pub(super) fn target(id: Option<String>, os: Option<&str>) -> Result<Vec<PushTarget>, GmsFault> {
    if os.is_some_and(|os| !["fcm", "gcm"].iter().any(|known| os.eq_ignore_ascii_case(known))) {
        return Err(GmsFault::option("_device_os must be fcm or gcm"));
    }
    Ok(id.map(PushTarget).into_iter().collect())
}
