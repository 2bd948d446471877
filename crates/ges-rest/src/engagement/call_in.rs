//! `call-in/requests/create` (engagement-api 11).

use std::sync::Arc;

use axum::extract::State;
use ges_domain::call_in::{CallInRequest, GroupName};
use ges_domain::idempotency::Operation;
use ges_domain::phone::PhoneNumber;
use ges_domain::use_cases::{CallInWish, CalledFor};
use ges_domain::{CallInId, CallbackId, Refusal};
use serde::Serialize;

use super::create::user_data;
use crate::answer::{Answer, Failure};
use crate::body::JsonBody;
use crate::exchange::Exchange;
use crate::fields::{Fields, invalid};
use crate::idempotency::IdempotencyKey;
use crate::identity::Caller;
use crate::listener::Site;

pub(crate) const PATH: &str = "/engagement/v3/call-in/requests/create";

/// Longest text in characters.
const TEXT: usize = 1024;
const FROM: &str = "fromPhoneNumber";
const CALLBACK: &str = "callbackServiceId";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CallInBody<'a> {
    id: CallInId,
    to_phone_number: &'a str,
    group_name: &'a str,
    /// Milliseconds since 1970.
    expiration_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_code: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_service_id: Option<CallbackId>,
}

pub(super) async fn request(
    State(site): State<Arc<Site>>,
    caller: Caller,
    exchange: Exchange,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Answer, Failure> {
    let wish = read(&body.fields()?)?;
    exchange.note_user_data(wish.user_data.len());
    let keyed = key.under(Operation::CallIn, &body);
    match site.api().call_in.run(caller.tenant, wish, caller.source(), keyed).await {
        Ok(called_for) => {
            if matches!(called_for, CalledFor::Now(_)) {
                site.metrics().callin_created(&caller.tenant.to_string());
            }
            Ok(Answer::ok(&shown(called_for.request())))
        }
        // Of this operation 404 is not documented: the field is wrong.
        Err(Refusal::NotFound(_)) => Err(invalid(CALLBACK, "names no callback")),
        Err(refusal) => Ok(in_words_of_this_field(refusal)),
    }
}

/// A refused number is called by the name it has here.
fn in_words_of_this_field(refusal: Refusal) -> Answer {
    let about_the_number =
        matches!(refusal, Refusal::ImpossibleNumber | Refusal::PremiumNumber | Refusal::NumberBlocked);
    let answer = Answer::from(Failure::Refused(refusal));
    match about_the_number {
        true => Answer { message: answer.message.replacen("phoneNumber", FROM, 1).into(), ..answer },
        false => answer,
    }
}

fn read(fields: &Fields<'_>) -> Result<CallInWish, Failure> {
    let name = fields.required_text("groupName", TEXT)?;
    let group = GroupName::new(&name).map_err(|bad| invalid("groupName", bad.to_string()))?;
    let number = |text: String| PhoneNumber::new(&text).map_err(|bad| invalid(FROM, bad.to_string()));
    let from = fields.text(FROM, TEXT)?.map(number).transpose()?;
    let id = |text: String| text.parse().map_err(|_| invalid(CALLBACK, "must be a UUID"));
    let callback = fields.text(CALLBACK, TEXT)?.map(id).transpose()?;
    Ok(CallInWish { group, from, user_data: user_data(fields)?, callback })
}

fn shown(request: &CallInRequest) -> CallInBody<'_> {
    CallInBody {
        id: request.id,
        to_phone_number: request.reservation.number.as_str(),
        group_name: request.group.as_str(),
        expiration_time: request.expires_at.millis(),
        access_code: request.code(),
        from_phone_number: request.from.as_ref().map(PhoneNumber::as_given),
        callback_service_id: request.callback,
    }
}

#[cfg(test)]
#[path = "call_in_tests.rs"]
mod tests;
