//! People, their groups and roles, and what they may read among the proxies (integrations 4.4.1 to 4.4.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};
use ges_domain::access::{Claims, ProxyAccess};
use ges_domain::ports::{Account, Directory, DirectoryError};
use ges_domain::{ServiceName, TenantId};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::Configuration;
use super::object::{Object, is_yes};
use crate::{GwsError, envelope};

/// Groups asked for their roles at a time.
const GROUPS_AT_A_TIME: usize = 4;
/// Proxies asked about in one question, so that the address stays short.
const KEYS_AT_A_TIME: usize = 100;

/// A key that no object has: the last one the Configuration Server could give.
const NOBODY: &str = "2147483647";
/// Types of members, as words and as numbers.
const PERSON: [&str; 2] = ["CFGPerson", "3"];
const GROUP: [&str; 2] = ["CFGAccessGroup", "21"];

/// Objects of a kind, asked for by a member.
struct Belonging {
    kind: &'static str,
    filter: &'static str,
    types: [&'static str; 2],
    /// Whether the service heeds the filter, once that had to be found out.
    heeded: OnceCell<bool>,
}

impl Belonging {
    const fn of(kind: &'static str, filter: &'static str, types: [&'static str; 2]) -> Self {
        Self { kind, filter, types, heeded: OnceCell::const_new() }
    }
}

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
        if !Object(person).is_enabled() {
            return Ok(None);
        }
        let key = Object(person).key().ok_or(self.reads.unreadable("the DBID of a person"))?;
        let groups = self.having(tenant, &Belonging::of("access-groups", "person_dbid:int", PERSON), key).await?;
        let mut roles = self.having(tenant, &Belonging::of("roles", "person_dbid:int", PERSON), key).await?;
        let by_group = Belonging::of("roles", "access_group_dbid:int", GROUP);
        let keys: Vec<_> = groups.iter().filter_map(|group| Object(group).key()).collect();
        let of_groups = futures_util::stream::iter(keys)
            .map(async |key| self.having(tenant, &by_group, key).await)
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

    /// The enabled objects that have this member: those that say so, and those that do not say and come through a filter that is
    /// heeded. A filter that the peer does not know is ignored there, and everybody would be in every group.
    async fn having(&self, tenant: TenantId, what: &Belonging, key: u64) -> Result<Vec<Value>, GwsError> {
        let mut told = self.objects(tenant, what.kind, &[(what.filter, &key.to_string())]).await?;
        told.retain(|object| Object(object).is_enabled());
        let silent = |object: &Value| Object(object).has_member(what.types, key).is_none();
        let heeded = !told.iter().any(silent) || {
            let asked = async || {
                let of_nobody = self.objects(tenant, what.kind, &[(what.filter, NOBODY)]).await?;
                Ok::<_, GwsError>(of_nobody.is_empty())
            };
            *what.heeded.get_or_try_init(asked).await?
        };
        if !heeded {
            tracing::warn!(
                kind = what.kind,
                filter = what.filter,
                "the configuration service ignores a filter and names no members: such objects give nobody any right"
            );
        }
        told.retain(|object| Object(object).has_member(what.types, key).unwrap_or(heeded));
        Ok(told)
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
