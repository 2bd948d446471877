//! Credentials of tenants on the internal listener: `/ges/v1/credentials/{kind}` and `/ges/v1/credentials/{kind}/{name}`
//! (R-PSH-1, R-CPT-1). What a credential holds is taken and never given out.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::routing::{get, put};
use ges_domain::Refusal;
use ges_domain::ports::{CredentialError, CredentialKind};
use serde::Serialize;

use crate::answer::{Answer, Failure};
use crate::body;
use crate::identity::Caller;
use crate::listener::Site;
use crate::path::segment;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/ges/v1/credentials/{kind}", get(names))
        .route("/ges/v1/credentials/{kind}/{name}", put(keep).delete(forget))
}

#[derive(Debug, Serialize)]
struct NamesBody {
    names: Vec<String>,
}

#[derive(Debug, Serialize)]
struct DoneBody {}

fn kind(uri: &Uri) -> Result<CredentialKind, Failure> {
    let kinds = [CredentialKind::Push, CredentialKind::Captcha, CredentialKind::Statistics];
    let named = segment(uri.path(), 3).unwrap_or_default();
    kinds.into_iter().find(|kind| kind.as_str() == named).ok_or(Failure::NoSuchPath)
}

fn name(uri: &Uri) -> Result<String, Failure> {
    segment(uri.path(), 4).map(|name| name.to_string()).ok_or(Failure::NoSuchPath)
}

/// Only siblings provision; a client of the public API has no business here.
fn sibling(caller: Caller) -> Result<Caller, Failure> {
    if caller.is_sibling() { Ok(caller) } else { Err(Refusal::Forbidden.into()) }
}

fn failure(error: &CredentialError) -> Failure {
    match error {
        CredentialError::Bad(sentence) => Failure::Malformed(sentence.clone().into()),
        CredentialError::NoKey | CredentialError::Unopenable => {
            tracing::error!(error = error as &dyn std::error::Error, "a credential was not taken");
            Failure::Malformed("This deployment has no GES_SECURITY__CREDENTIALS_KEY to seal credentials with".into())
        }
        CredentialError::Store(_) => Refusal::StoreUnavailable.into(),
    }
}

async fn names(State(site): State<Arc<Site>>, caller: Caller, uri: Uri) -> Result<Answer, Failure> {
    let (kind, tenant) = (kind(&uri)?, sibling(caller)?.tenant);
    let names = site.api().credentials.names(tenant, kind).await.map_err(|error| failure(&error))?;
    Ok(Answer::ok(&NamesBody { names }))
}

async fn keep(State(site): State<Arc<Site>>, caller: Caller, uri: Uri, request: Request) -> Result<Answer, Failure> {
    let (kind, name, tenant) = (kind(&uri)?, name(&uri)?, sibling(caller)?.tenant);
    let document = body::read(request, &site).await?;
    let document = std::str::from_utf8(&document).map_err(|_| Failure::Malformed("The body is not UTF-8".into()))?;
    site.api().credentials.put(tenant, kind, &name, document).await.map_err(|error| failure(&error))?;
    Ok(Answer::ok(&DoneBody {}))
}

async fn forget(State(site): State<Arc<Site>>, caller: Caller, uri: Uri) -> Result<Answer, Failure> {
    let (kind, name, tenant) = (kind(&uri)?, name(&uri)?, sibling(caller)?.tenant);
    let gone = site.api().credentials.remove(tenant, kind, &name).await.map_err(|error| failure(&error))?;
    if gone { Ok(Answer::ok(&DoneBody {})) } else { Err(Failure::NoSuchPath) }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Method, Request};
    use ges_testkit::builders::tenant;

    use crate::testing::{KEY, Reply, World, send};

    async fn call(world: &World, method: Method, path: &str, body: &str) -> Reply {
        let request = Request::builder().method(method).uri(format!("/ges/v1/credentials/{path}"));
        let request = request.header("ContactCenterId", tenant().to_string()).body(Body::from(body.to_owned()));
        send(world.internal(), request.unwrap()).await
    }

    #[tokio::test]
    async fn credentials_are_kept_named_and_forgotten_and_never_shown() {
        let world = World::new().await;
        assert_eq!(call(&world, Method::PUT, "captcha/6Le%2Fa", r#"{"secretKey":"sesame"}"#).await.status, 200);
        let listed = call(&world, Method::GET, "captcha", "").await;
        assert_eq!(listed.json()["data"]["names"], serde_json::json!(["6Le/a"]));
        assert!(!listed.body.contains("sesame"), "I11");
        assert_eq!(call(&world, Method::GET, "push", "").await.json()["data"]["names"], serde_json::json!([]));
        assert_eq!(call(&world, Method::DELETE, "captcha/6Le%2Fa", "").await.status, 200);
        assert_eq!(call(&world, Method::DELETE, "captcha/6Le%2Fa", "").await.status, 404);
        assert_eq!(call(&world, Method::GET, "gws", "").await.status, 404, "no such kind");
        assert_eq!(call(&world, Method::PUT, "statistics/suite", "{}").await.status, 200, "R-STA-1");
        let bad = call(&world, Method::PUT, "push/fcm", "bad").await;
        assert_eq!(bad.refused(400, 1), "it is bad", "the desk says why");
    }

    #[tokio::test]
    async fn only_siblings_on_the_internal_listener_provision() {
        let world = World::new().await;
        let with_key = || Request::put("/ges/v1/credentials/push/fcm").header("x-api-key", KEY).body(Body::from("{}"));
        assert_eq!(send(world.internal(), with_key().unwrap()).await.status, 403);
        assert_eq!(send(world.external(), with_key().unwrap()).await.status, 404, "not on the internet");
    }
}
