//! GWS, and who may do what at the console.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::client_secret::{self, Encoding, Reading};
use crate::problem::{Problem, Warning};
use crate::reader::Reader;

/// GWS services.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Gws {
    pub auth_url: Url,
    pub env_url: Url,
    pub conf_url: Option<Url>,
    /// `None`: statistics are not passed on.
    pub stats_url: Option<Url>,
    /// Authentication as browsers reach it.
    pub public_auth_url: Option<Url>,
    pub client_id: String,
    pub client_secret: SecretString,
}

/// Who may do what at the console (domain chapter 20).
#[derive(Debug, Clone)]
pub struct Rbac {
    /// Access groups and roles whose members are DevOps (R-RB-2).
    pub devops_access_groups: Vec<String>,
    /// Folder of the VQ proxies (R-LOB-1).
    pub vq_proxy_folder: String,
    /// Type of the script objects that are VQ proxies.
    pub vq_proxy_script_type: String,
    /// Companies whose access groups give roles; none: any.
    pub companies: Vec<String>,
    /// Whether somebody without any role may do everything (R-RB-5).
    pub open_by_default: bool,
}

/// The console.
#[derive(Debug, Clone)]
pub struct Ui {
    /// Sign-in without GWS; `None` unless both values are set and are not those of samples.
    pub break_glass: Option<BreakGlass>,
}

/// Name and password of the sign-in without GWS.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct BreakGlass {
    pub username: String,
    pub password: SecretString,
}

pub(crate) fn gws(reader: &mut Reader) -> Option<Gws> {
    let (auth, env) = (reader.service_url("gws.auth_url"), reader.service_url("gws.env_url"));
    let (conf, public) = (reader.service_url("gws.conf_url"), reader.service_url("gws.public_auth_url"));
    let stats = reader.service_url("gws.stats_url").or_else(|| conf.clone());
    let (client_id, given) = (reader.text("gws.client_id"), reader.secret("gws.client_secret").is_some());
    let client_secret = client_secret(reader);
    if client_id.is_some() != given && !reader.is_needed("gws.client_id") {
        reader.problems.push(Problem::Relation {
            first: "GES_GWS__CLIENT_ID",
            second: "GES_GWS__CLIENT_SECRET",
            rule: "one is of no use without the other",
        });
    }
    Some(Gws {
        auth_url: auth?,
        env_url: env?,
        conf_url: conf,
        stats_url: stats,
        public_auth_url: public,
        client_id: client_id?,
        client_secret: client_secret?,
    })
}

pub(crate) fn rbac(reader: &mut Reader) -> Rbac {
    Rbac {
        devops_access_groups: reader.list("devops_access_groups"),
        vq_proxy_folder: reader.text_or_empty("rbac.vq_proxy_folder"),
        vq_proxy_script_type: reader.text_or_empty("rbac.vq_proxy_script_type"),
        companies: reader.list("rbac.companies"),
        open_by_default: reader.flag("rbac.open_by_default"),
    }
}

/// The client secret in clear (integrations 10.4).
fn client_secret(reader: &mut Reader) -> Option<SecretString> {
    let encoding = Encoding::of(&reader.word("gws.secret_encoding"));
    let password = reader.secret("gws.decrypt_password");
    let secret = match client_secret::read(reader.secret("gws.client_secret")?, password.as_ref(), encoding) {
        Reading::Clear(secret) => secret,
        Reading::Decrypted(secret) => {
            reader.warnings.push(Warning::WeaklySealedSecret);
            secret
        }
        Reading::Undecrypted(secret) => {
            reader.warnings.push(Warning::SecretTakenAsIs);
            secret
        }
        Reading::Unreadable => {
            reader.problems.push(Problem::Relation {
                first: "GES_GWS__CLIENT_SECRET",
                second: "GES_GWS__DECRYPT_PASSWORD",
                rule: "with GES_GWS__SECRET_ENCODING aes-128-ecb the secret has to decrypt with the password",
            });
            return None;
        }
    };
    Some(secret)
}

/// The password that stands in samples opens nothing (integrations 4.2.3).
pub(crate) fn break_glass(reader: &mut Reader) -> Option<BreakGlass> {
    let (username, password) = (reader.text("ui.devops_username")?, reader.secret("ui.devops_password")?);
    if password.expose_secret() == "letmein" {
        reader.warnings.push(Warning::SampleBreakGlass);
        return None;
    }
    Some(BreakGlass { username, password })
}
