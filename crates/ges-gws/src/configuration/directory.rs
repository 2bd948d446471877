//! People, their groups and roles, and what they may read among the proxies (integrations 4.4.1 to 4.4.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};
use ges_domain::access::{Claims, ProxyAccess};
use ges_domain::ports::{Account, Directory, DirectoryError};
use ges_domain::{ServiceName, TenantId};
use serde_json::Value;

use super::Configuration;
use super::object::{Object, is_yes};
use crate::{GwsError, envelope};

/// Groups asked for their roles at a time.
const GROUPS_AT_A_TIME: usize = 4;
/// Proxies asked about in one question, so that the address stays short.
const KEYS_AT_A_TIME: usize = 100;

fn names(objects: &[Value]) -> impl Iterator<Item = String> {
    objects.iter().filter_map(|object| Object(object).name()).map(str::to_owned)
}

impl Configuration {
    async fn look_up_account(&self, tenant: TenantId, login: &str) -> Result<Option<Arc<Account>>, GwsError> {
        let persons = self.objects(tenant, "persons", &[("user_name", login)]).await?;
        // A filter that the peer does not know is ignored there; it is not here.
        let is_asked = |person: &&Value| {
            let name = Object(person).text("userName").or_else(|| Object(person).name().map(str::to_owned));
            name.is_none_or(|name| name.eq_ignore_ascii_case(login))
        };
        let Some(person) = persons.iter().find(is_asked) else { return Ok(None) };
        let key = Object(person).key().ok_or(self.reads.unreadable("the DBID of a person"))?;
        let groups = self.objects(tenant, "access-groups", &[("person_dbid:int", &key.to_string())]).await?;
        let mut roles = self.objects(tenant, "roles", &[("person_dbid:int", &key.to_string())]).await?;
        let keys: Vec<_> = groups.iter().filter_map(|group| Object(group).key()).map(|key| key.to_string()).collect();
        let of_groups = futures_util::stream::iter(keys)
            .map(async |key| self.objects(tenant, "roles", &[("access_group_dbid:int", &key)]).await)
            .buffered(GROUPS_AT_A_TIME);
        roles.extend(of_groups.try_concat().await?);
        let legacy = Object(person).option(&["ges", "gms"], &["roles", "role"]);
        let claims = Claims {
            groups: names(&groups).collect(),
            roles: names(&roles).collect::<BTreeSet<_>>().into_iter().collect(),
            legacy: legacy.map(str::to_owned),
        };
        Ok(Some(Arc::new(Account { key, claims })))
    }

    async fn look_up_access(&self, tenant: TenantId, person: u64) -> Result<Option<Arc<ProxyAccess>>, GwsError> {
        let mut access = ProxyAccess::default();
        let Some(folder) = self.folder(tenant).await? else { return Ok(Some(Arc::new(access))) };
        access.folder = self.readable(tenant, "folders", &[folder.key], person).await?.contains(&folder.key);
        let proxies = self.in_folder(tenant, folder.key).await?;
        let keys: Vec<_> = proxies.iter().map(|proxy| proxy.key).collect();
        let readable = self.readable(tenant, "scripts", &keys, person).await?;
        for proxy in &proxies {
            let Ok(service) = ServiceName::new(&proxy.name) else { continue };
            if readable.contains(&proxy.key) {
                access.readable.insert(service.clone());
            }
            access.with_proxy.insert(service);
        }
        Ok(Some(Arc::new(access)))
    }

    /// Which of these objects the person may read. One the service says nothing about may not be read.
    async fn readable(
        &self,
        tenant: TenantId,
        kind: &'static str,
        keys: &[u64],
        person: u64,
    ) -> Result<BTreeSet<u64>, GwsError> {
        let mut readable = BTreeSet::new();
        for keys in keys.chunks(KEYS_AT_A_TIME) {
            let list: Vec<_> = keys.iter().map(ToString::to_string).collect();
            let mut url = self.address(&[kind, "permissions"]);
            url.query_pairs_mut()
                .append_pair("dbids", &list.join(","))
                .append_pair("account_dbid:int", &person.to_string());
            let Some(answer) = self.read(tenant, "permissions", url).await? else { continue };
            let granted = envelope::items(&answer).into_iter().filter(|item| is_yes(&item["read"]));
            readable.extend(granted.filter_map(|item| Object(item).key()).filter(|key| keys.contains(key)));
        }
        Ok(readable)
    }
}

fn unavailable(cause: Arc<GwsError>) -> DirectoryError {
    DirectoryError(Box::new(cause))
}

#[async_trait]
impl Directory for Configuration {
    async fn account(&self, tenant: TenantId, login: &str) -> Result<Option<Arc<Account>>, DirectoryError> {
        let ask = |_| self.look_up_account(tenant, login);
        self.accounts.recall((tenant, login.to_owned()), ask).await.map_err(unavailable)
    }

    async fn proxy_access(&self, tenant: TenantId, key: u64) -> Result<Arc<ProxyAccess>, DirectoryError> {
        let ask = |_| self.look_up_access(tenant, key);
        Ok(self.access.recall((tenant, key), ask).await.map_err(unavailable)?.unwrap_or_default())
    }
}
