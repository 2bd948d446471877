//! VQ proxies as script objects (integrations 4.4.4, R-LOB-1, R-LOB-5).

use async_trait::async_trait;
use ges_domain::ports::{Proxies, Proxy, ProxyError};
use ges_domain::{ServiceName, TenantId};
use ges_http_client::{Call, Reply};
use serde_json::{Value, json};

use super::Configuration;
use super::object::Object;
use crate::{GwsError, envelope};

/// Section, option and value by which our own objects are known.
const SECTION: &str = "ges";
const MARK: &str = "managedBy";
const OURS: &str = "ges";

pub(super) struct Folder {
    pub(super) key: u64,
    tenant_key: Option<String>,
}

impl Configuration {
    /// The folder of the proxies.
    pub(super) async fn folder(&self, tenant: TenantId) -> Result<Option<Folder>, GwsError> {
        let filters = [("name", self.naming.folder.as_str()), ("type", "CFGScript")];
        let folders = self.objects(tenant, "folders", &filters).await?;
        // A filter that the peer does not know is ignored there; it is not here.
        let named = |folder: &&Value| Object(folder).name().is_none_or(|name| name == self.naming.folder);
        let read = |folder: &Value| {
            let key = Object(folder).key()?;
            Some(Folder { key, tenant_key: Object(folder).text("tenantDBID") })
        };
        Ok(folders.iter().find(named).and_then(read))
    }

    async fn folder_or_new(&self, tenant: TenantId) -> Result<Folder, GwsError> {
        if let Some(folder) = self.folder(tenant).await? {
            return Ok(folder);
        }
        let body = json!({ "data": { "name": self.naming.folder, "type": "CFGScript", "state": "CFGEnabled" } });
        let (told, missing) = match self.create(tenant, "folders", &body).await {
            Ok(reply) => {
                let told = reply.json::<Value>().ok().and_then(|answer| Object(&answer["data"]).key());
                (told, self.writes.unreadable("a folder that was just created"))
            }
            Err(refusal @ (GwsError::Refused { .. } | GwsError::Unreadable { .. })) => (None, refusal),
            Err(failure) => return Err(failure),
        };
        match told {
            Some(key) => Ok(Folder { key, tenant_key: None }),
            // Somebody was faster, or the answer names the object in its path only.
            None => self.folder(tenant).await?.ok_or(missing),
        }
    }

    /// What is in the folder.
    pub(super) async fn in_folder(&self, tenant: TenantId, folder: u64) -> Result<Vec<Proxy>, GwsError> {
        let objects = self.objects(tenant, "scripts", &[("folder_dbid:int", &folder.to_string())]).await?;
        let here = |object: &&Value| {
            let folder_of = Object(object).text("folderId").and_then(|text| text.trim().parse().ok());
            folder_of.is_none_or(|of: u64| of == folder)
        };
        let read = |object: &Value| {
            let object = Object(object);
            let ours = object.option(&[SECTION], &[MARK]) == Some(OURS);
            Some(Proxy { key: object.key()?, name: object.name()?.to_owned(), ours })
        };
        Ok(objects.iter().filter(here).filter_map(read).collect())
    }

    /// Creates an object. One that exists already is a success.
    async fn create(&self, tenant: TenantId, kind: &'static str, body: &Value) -> Result<Reply, GwsError> {
        let call = Call::post("create", "/configuration/v3/objects/{kind}", self.address(&[kind]));
        let call = call.json(body).map_err(|source| self.writes.failed(source))?;
        let reply = self.writes.send(self.of(tenant, call)?).await?;
        match reply.status() {
            409 => Ok(reply),
            200..300 => {
                let answer: Value = reply.json().map_err(|source| self.writes.failed(source))?;
                if envelope::is_success(&answer) { Ok(reply) } else { Err(self.writes.unreadable("a success")) }
            }
            status => Err(self.writes.refused(status)),
        }
    }

    async fn create_script(&self, tenant: TenantId, service: &ServiceName) -> Result<(), GwsError> {
        let folder = self.folder_or_new(tenant).await?;
        let mut data = json!({
            "name": service.as_str(), "type": self.naming.script_type, "folderId": folder.key.to_string(),
            "state": "CFGEnabled",
            "userProperties": { SECTION: { "kind": "vq-proxy", "serviceName": service.as_str(), MARK: OURS } },
        });
        if let Some(key) = folder.tenant_key {
            data["tenantDBID"] = key.into();
        }
        let refusal = match self.create(tenant, "scripts", &json!({ "data": data })).await {
            Ok(_) => return Ok(()),
            Err(refusal @ (GwsError::Refused { .. } | GwsError::Unreadable { .. })) => refusal,
            Err(failure) => return Err(failure),
        };
        // Not every service says "exists" with 409: whether it does, its list tells.
        let there = self.in_folder(tenant, folder.key).await;
        let there = there.is_ok_and(|proxies| proxies.iter().any(|proxy| proxy.name == service.as_str()));
        if there { Ok(()) } else { Err(refusal) }
    }

    async fn delete_script(&self, tenant: TenantId, key: u64) -> Result<(), GwsError> {
        let url = self.address(&["scripts", &key.to_string()]);
        let call = Call::delete("delete", "/configuration/v3/objects/scripts/{dbid}", url);
        match self.writes.send(self.of(tenant, call)?).await?.status() {
            200..300 | 404 | 410 => Ok(()),
            status => Err(self.writes.refused(status)),
        }
    }
}

fn failed(cause: GwsError) -> ProxyError {
    ProxyError(cause.into())
}

#[async_trait]
impl Proxies for Configuration {
    async fn proxies(&self, tenant: TenantId) -> Result<Vec<Proxy>, ProxyError> {
        let Some(folder) = self.folder(tenant).await.map_err(failed)? else { return Ok(Vec::new()) };
        self.in_folder(tenant, folder.key).await.map_err(failed)
    }

    async fn create_proxy(&self, tenant: TenantId, service: &ServiceName) -> Result<(), ProxyError> {
        self.create_script(tenant, service).await.map_err(failed)
    }

    async fn delete_proxy(&self, tenant: TenantId, proxy: &Proxy) -> Result<(), ProxyError> {
        if !proxy.ours {
            return Ok(());
        }
        self.delete_script(tenant, proxy.key).await.map_err(failed)
    }
}
