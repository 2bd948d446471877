//! The mount points (integrations 8.6) and the calls of signing in and out.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use ges_domain::TenantId;
use serde::{Deserialize, Serialize};

use super::operator::{console, same};
use super::wire::{Base, SESSION, SIGN_IN, cookie, session_word};
use super::{ConsoleError, Operator, RETURN, pages};
use crate::answer::{Answer, Failure};
use crate::body;
use crate::listener::Site;
use crate::visitor::Visitor;

/// Rest after a wrong emergency password, during which its sender guesses no more on this pod.
const AFTER_GUESS: Duration = Duration::from_secs(1);

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/ges", get(async || to(StatusCode::PERMANENT_REDIRECT, "/ges/")))
        .route("/ges/", get(enter))
        .route("/ges/ui/", get(home))
        .route("/ges/ui/login.html", get(pages::login))
        .route("/ges/ui/login.js", get(pages::login_script))
        .route("/ges/ui/console.js", get(pages::console_script))
        .route("/ges/v1/ui/session", post(sign_in).get(who).delete(sign_out))
        .route("/ges/v1/ui/session/emergency", post(emergency))
}

fn to(status: StatusCode, place: &str) -> Response {
    let place = HeaderValue::from_str(place).expect("invariant: addresses are percent-encoded");
    (status, [(header::LOCATION, place)], pages::GUARDS).into_response()
}

/// To the console with a session, else to the authentication service.
async fn enter(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    match entered(&site, &headers).await {
        Ok(response) => response,
        Err(error) => pages::trouble(error),
    }
}

async fn entered(site: &Site, headers: &HeaderMap) -> Result<Response, ConsoleError> {
    let console = console(site)?;
    if let Some(word) = session_word(headers) {
        match console.resume(&word).await {
            Err(ConsoleError::SignedOut) => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(to(StatusCode::FOUND, "/ges/ui/")),
        }
    }
    let identities = console.identities.as_ref().ok_or(ConsoleError::Down)?;
    let base = Base::of(console, headers).ok_or(ConsoleError::Malformed)?;
    let state = console.word();
    let until = console.clock.now() + RETURN;
    console.sessions.expect_return(state.digest(), until).await.map_err(|error| ConsoleError::down(&error))?;
    let mut response = to(StatusCode::FOUND, &identities.sign_in_address(&base.redirect(), &state.0));
    response.headers_mut().append(header::SET_COOKIE, base.cookie(SIGN_IN, &state.0, Some(RETURN.as_secs())));
    Ok(response)
}

async fn home(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let resumed = async { console(&site)?.resume(&session_word(&headers).ok_or(ConsoleError::SignedOut)?).await };
    match resumed.await {
        Ok(operator) => pages::home(&operator),
        Err(ConsoleError::SignedOut) => to(StatusCode::FOUND, "/ges/"),
        Err(error) => pages::trouble(error),
    }
}

#[derive(Deserialize)]
struct ReturnBody {
    code: String,
    state: String,
}

#[derive(Deserialize)]
struct EmergencyBody {
    username: String,
    password: String,
}

/// Who is signed in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionBody<'a> {
    name: &'a str,
    login: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_center_id: Option<TenantId>,
    roles: Vec<&'static str>,
    permissions: Vec<&'static str>,
    csrf: &'a str,
}

fn session(operator: &Operator) -> Answer {
    Answer::ok(&SessionBody {
        name: &operator.name,
        login: &operator.login,
        contact_center_id: operator.tenant,
        roles: operator.roles.iter().map(|role| role.as_str()).collect(),
        permissions: operator.permissions.iter().map(|permission| permission.as_str()).collect(),
        csrf: &operator.csrf,
    })
}

/// A body that only scripts of our own pages can send: other sites may not name this type.
async fn read<T: for<'de> Deserialize<'de>>(request: Request, site: &Arc<Site>) -> Result<T, ConsoleError> {
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.map(|media| media.split(';').next().unwrap_or_default().trim());
    if !media.is_some_and(|media| media.eq_ignore_ascii_case("application/json")) {
        return Err(ConsoleError::Malformed);
    }
    let bytes = body::read(request, site).await.map_err(|failure| match failure {
        Failure::TooLarge { limit } => ConsoleError::TooLarge { limit },
        _ => ConsoleError::Malformed,
    })?;
    serde_json::from_slice(&bytes).map_err(|_| ConsoleError::Malformed)
}

/// The browser is back: its state is spent, its code becomes tokens, the tokens a session.
async fn sign_in(State(site): State<Arc<Site>>, request: Request) -> Result<Response, ConsoleError> {
    let console = console(&site)?;
    let (left_with, base) = (cookie(request.headers(), SIGN_IN), Base::of(console, request.headers()));
    let base = base.ok_or(ConsoleError::Malformed)?;
    let ReturnBody { code, state } = read(request, &site).await?;
    let left_with = left_with.filter(|word| same(&word.0, &state)).ok_or(ConsoleError::UnknownReturn)?;
    let expected = console.sessions.take_return(left_with.digest(), console.clock.now()).await;
    if !expected.map_err(|error| ConsoleError::down(&error))? {
        return Err(ConsoleError::UnknownReturn);
    }
    let identities = console.identities.as_ref().ok_or(ConsoleError::Down)?;
    let tokens = identities.redeem(&code, &base.redirect()).await.map_err(|error| ConsoleError::down(&error))?;
    let word = console.sign_in(tokens.ok_or(ConsoleError::Refused)?).await?;
    let operator = console.resume(&word).await?;
    let mut response = (pages::GUARDS, session(&operator)).into_response();
    response.headers_mut().append(header::SET_COOKIE, base.cookie(SESSION, &word.0, None));
    response.headers_mut().append(header::SET_COOKIE, base.cookie(SIGN_IN, "", Some(0)));
    Ok(response)
}

async fn who(operator: Operator) -> Response {
    (pages::GUARDS, session(&operator)).into_response()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LeftBody {
    /// Where the browser ends its sign-in at the authentication service.
    continue_at: String,
}

async fn sign_out(
    State(site): State<Arc<Site>>,
    operator: Operator,
    headers: HeaderMap,
) -> Result<Response, ConsoleError> {
    let console = console(&site)?;
    let base = Base::of(console, &headers).ok_or(ConsoleError::Malformed)?;
    console.sign_out(&session_word(&headers).ok_or(ConsoleError::SignedOut)?).await?;
    let home = format!("{}/ges/", base.0);
    let continue_at = match (&console.identities, operator.tenant) {
        (Some(identities), Some(_)) => identities.sign_out_address(&home),
        _ => home,
    };
    let mut response = (pages::GUARDS, Answer::ok(&LeftBody { continue_at })).into_response();
    response.headers_mut().append(header::SET_COOKIE, base.cookie(SESSION, "", Some(0)));
    Ok(response)
}

/// The sign-in that works without GWS (integrations 4.2.3). Guesses are slow: of each caller one at a time, each wrong one a
/// second; other callers are not held up by it.
async fn emergency(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, ConsoleError> {
    let console = console(&site)?;
    let base = Base::of(console, request.headers()).ok_or(ConsoleError::Malformed)?;
    let EmergencyBody { username, password } = read(request, &site).await?;
    let Some(break_glass) = console.break_glass() else { return Err(ConsoleError::Refused) };
    let Some(guess) = console.guesses.begin(visitor.address) else { return Err(ConsoleError::Down) };
    let (name_fits, password_fits) = (same(&username, &break_glass.username), same(&password, &break_glass.password));
    if !(name_fits && password_fits) {
        tracing::warn!("an emergency sign-in was refused");
        tokio::time::sleep(AFTER_GUESS).await;
        return Err(ConsoleError::Refused);
    }
    drop(guess);
    let word = console.break_in(&username).await?;
    let operator = console.resume(&word).await?;
    let mut response = (pages::GUARDS, session(&operator)).into_response();
    response.headers_mut().append(header::SET_COOKIE, base.cookie(SESSION, &word.0, None));
    Ok(response)
}
