//! Calls of the internal API in tests, and the shapes of its answers.

use axum::body::Body;
use axum::http::{Method, Request};
use ges_testkit::builders;
use serde_json::Value;

use crate::testing::{Reply, World, send};

const CLASS: &str = "com.genesyslab.gsg.services.callback.exceptions.CallbackException";

impl World {
    /// A call of this world's tenant; a body of `null` is none.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Value) -> Reply {
        let request = Request::builder().method(method).uri(format!("/genesys/{path}"));
        let request = request.header("ContactCenterId", builders::tenant().to_string());
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        send(self.internal(), request.header("content-type", "application/json").body(body).unwrap()).await
    }

    pub(crate) async fn fetch(&self, path: &str) -> Reply {
        self.call(Method::GET, path, Value::Null).await
    }

    /// As [`World::call`] with a form.
    pub(crate) async fn form(&self, path: &str, body: &str) -> Reply {
        let request = Request::post(format!("/genesys/{path}"));
        let request = request.header("ContactCenterId", builders::tenant().to_string());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        send(self.internal(), request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

impl Reply {
    /// Checks the whole shape of a fault and returns its sentence.
    pub(crate) fn faulted(&self, status: u16, class: &str) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        let json = self.json();
        assert_eq!(json["exception"], format!("{CLASS}{class}"), "{}", self.body);
        assert_eq!(json["message"], json["error"]);
        assert!(!json["phrase"].as_str().unwrap().is_empty());
        assert_eq!(json.get("availability").is_some(), class == "Availability");
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        assert!(self.header("x-correlation-id").is_some());
        json["message"].as_str().unwrap().to_owned()
    }

    /// The JSON of a success.
    pub(crate) fn done(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        self.json()
    }
}
