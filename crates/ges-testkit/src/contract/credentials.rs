//! Sealed credentials of tenants.

use ges_domain::ports::{CredentialKind, SealedCredential};

use super::Stores;
use crate::builders::{other_tenant, tenant};

fn sealed(name: &str, sealed: &[u8]) -> SealedCredential {
    SealedCredential { name: name.into(), sealed: sealed.into() }
}

/// By tenant, kind and name; a new one takes the place of the old.
pub async fn credentials_read_back_by_tenant_and_kind(stores: &dyn Stores) {
    let store = stores.credentials();
    let (push, captcha) = (CredentialKind::Push, CredentialKind::Captcha);
    for credential in [sealed("6Le-b", &[1]), sealed("6Le-a", &[0, 255, 7]), sealed("6Le-b", &[2, 0])] {
        store.put_credential(tenant(), captcha, &credential).await.unwrap();
    }
    store.put_credential(tenant(), push, &sealed("fcm", &[9])).await.unwrap();
    let all = store.credentials(tenant(), captcha).await.unwrap();
    assert_eq!(all, [sealed("6Le-a", &[0, 255, 7]), sealed("6Le-b", &[2, 0])]);
    assert_eq!(store.credentials(tenant(), push).await.unwrap(), [sealed("fcm", &[9])]);
    assert_eq!(store.credentials(tenant(), CredentialKind::Statistics).await.unwrap(), []);
    assert_eq!(store.credentials(other_tenant(), captcha).await.unwrap(), [], "I9");
    assert!(!store.remove_credential(other_tenant(), captcha, "6Le-a").await.unwrap());
    assert!(!store.remove_credential(tenant(), push, "6Le-a").await.unwrap());
    assert!(store.remove_credential(tenant(), captcha, "6Le-a").await.unwrap());
    assert!(!store.remove_credential(tenant(), captcha, "6Le-a").await.unwrap(), "once");
    assert_eq!(store.credentials(tenant(), captcha).await.unwrap(), [sealed("6Le-b", &[2, 0])]);
}
