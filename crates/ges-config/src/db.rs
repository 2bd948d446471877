//! Where the record is.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::reader::Reader;
use crate::sources::Sources;

/// PostgreSQL.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Db {
    /// A name or an address; an address of version 6 without brackets.
    pub host: String,
    pub port: u16,
    pub name: String,
    pub user: String,
    pub password: SecretString,
    /// Insist on TLS; otherwise it is used when offered.
    pub secure: bool,
    /// Authority that signed the server's certificate, as a PEM file; with it the server's name is verified.
    pub ca_file: Option<PathBuf>,
    /// Most connections of this process.
    pub pool_size: u32,
}

impl Db {
    /// The address in the form of a PostgreSQL URL, password included.
    ///
    /// TLS is insisted on when `secure`, else used when the server offers it.
    pub fn url(&self) -> SecretString {
        let mut url = Url::parse("postgres://host").expect("invariant: a URL with a host");
        // Setters fail on hosts that the setting does not take, and on URLs without a host.
        let _ = url.set_host(Some(&self.host));
        let _ = url.set_port(Some(self.port));
        let _ = url.set_username(&self.user);
        let _ = url.set_password(Some(self.password.expose_secret()));
        url.set_path(&self.name);
        url.set_query(Some(if self.secure { "sslmode=require" } else { "sslmode=prefer" }));
        if self.host.parse::<Ipv6Addr>().is_ok() {
            // In brackets it would be looked up as a name; as a parameter it overrides the place where a host stands.
            let _ = url.set_host(Some("ipv6"));
            url.query_pairs_mut().append_pair("host", &self.host);
        }
        SecretString::from(String::from(url))
    }
}

pub(crate) fn db(reader: &mut Reader, sources: &Sources) -> Option<Db> {
    let ca_file = reader.text("db.ca_file").map(|path| sources.working_folder.join(path));
    if let Some(path) = &ca_file {
        // Without it the database would be waited for in vain, for ever.
        let is_pem = std::fs::read_to_string(path).is_ok_and(|text| text.contains("-----BEGIN CERTIFICATE-----"));
        if !is_pem {
            reader.bad("db.ca_file", "PEM file with a certificate, which may be read");
        }
    }
    let (port, secure) = (reader.port_or_zero("db.port"), reader.flag("db.secure"));
    let pool_size = u32::try_from(reader.whole("db.pool_size")).unwrap_or(u32::MAX);
    let (host, name, user) = (reader.host("db.host")?, reader.text("db.name")?, reader.text("db.user")?);
    Some(Db { host, port, name, user, password: reader.secret("db.password")?, secure, ca_file, pool_size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_of(host: &str) -> Url {
        let db = Db {
            host: host.into(),
            port: 6543,
            name: "ges".into(),
            user: "us er".into(),
            password: SecretString::from("p@ss/w:rd?".to_owned()),
            secure: true,
            ca_file: None,
            pool_size: 10,
        };
        Url::parse(db.url().expose_secret()).unwrap()
    }

    #[test]
    fn the_database_address_survives_odd_characters() {
        let parsed = url_of("db.example");
        assert_eq!((parsed.host_str(), parsed.port(), parsed.path()), (Some("db.example"), Some(6543), "/ges"));
        assert_eq!(parsed.username(), "us%20er");
        assert_eq!(parsed.password(), Some("p%40ss%2Fw%3Ard%3F"));
        assert_eq!(parsed.query(), Some("sslmode=require"));
    }

    #[test]
    fn every_host_a_setting_takes_stands_in_the_address() {
        for host in ["db", "db_1.ns", "10.0.0.7"] {
            assert_eq!(url_of(host).host_str(), Some(host));
        }
        let hosts: Vec<_> =
            url_of("2001:db8::7").query_pairs().map(|(name, value)| (name.into(), value.into())).collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(hosts, [pair("sslmode", "require"), pair("host", "2001:db8::7")]);
    }
}
