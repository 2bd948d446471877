//! What can be wrong with settings. No message carries a value, so no secret can leak through one.

use std::fmt;
use std::path::PathBuf;

/// Exit status of a process that was configured wrongly (integrations 10.1).
pub const EXIT_CODE: u8 = 78;

/// One thing an operator has to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Required settings that no source names, all of them.
    #[error("missing: {}", names.join(", "))]
    Missing {
        /// Canonical names.
        names: Vec<String>,
    },
    /// Two names of one setting say different things.
    #[error("{first} and {second} are names of the same setting ({name}) and differ")]
    Conflict {
        /// Canonical name.
        name: String,
        /// Origin of the first value.
        first: String,
        /// Origin of the other value.
        second: String,
    },
    /// The text does not read as its type.
    #[error("{name} from {origin}: expected {expected}")]
    BadValue {
        /// Canonical name.
        name: String,
        /// Where the text came from.
        origin: String,
        /// What is expected.
        expected: String,
    },
    /// A file or folder that cannot be read.
    #[error("cannot read {}: {kind}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        kind: std::io::ErrorKind,
    },
    /// A configuration file with a syntax error.
    #[error("{} is not valid {format}{}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Unparsable {
        /// The file.
        path: PathBuf,
        /// Expected format.
        format: &'static str,
        /// Line of the error, where known.
        line: Option<u32>,
    },
    /// The orchestration secret is not what it should be.
    #[error("orchestration secret from {origin}: {what}")]
    BadSecret {
        /// Where the secret came from.
        origin: String,
        /// What is wrong, without content.
        what: String,
    },
    /// Two settings that do not go together.
    #[error("{first} and {second}: {rule}")]
    Relation {
        /// Canonical name of one.
        first: &'static str,
        /// Canonical name of the other.
        second: &'static str,
        /// The rule they break.
        rule: &'static str,
    },
}

/// Everything wrong with the settings, found in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
    /// As [`crate::Loaded::report`], without the values that do not read.
    pub report: Vec<String>,
    /// What else is odd: a misspelt name may be why another one is missing.
    pub warnings: Vec<Warning>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} problem(s)", self.problems.len())?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Something the operator should hear about that does not stop the start. Log it at WARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// Nobody knows this name.
    #[error("unknown setting {name} in {place}; the nearest known name is {nearest}")]
    Unknown {
        /// As found.
        name: String,
        /// Environment, file or folder.
        place: String,
        /// Suggestion.
        nearest: String,
    },
    /// A deployment usually has it; everything starts without, and something is missing.
    #[error("{name} is not set: {effect}")]
    Absent {
        /// Canonical name.
        name: String,
        /// What does not work.
        effect: &'static str,
    },
    /// A canonical name and an alias differ; the canonical one is used.
    #[error("{used} is used and {ignored} is not, though they differ")]
    Overruled {
        /// Origin that won.
        used: String,
        /// Origin that lost.
        ignored: String,
    },
    /// `vmcs.ors_redis_location` names another address than host and port, which are used.
    #[error("GES_VMCS__ORS_REDIS_LOCATION differs from GES_VMCS__REDIS_HOST and GES_VMCS__REDIS_PORT and is not used")]
    LocationIgnored,
    /// TLS to the orchestration Redis accepts any certificate.
    #[error(
        "the orchestration Redis is reached by TLS without verifying its certificate (rejectUnauthorized is false)"
    )]
    UnverifiedTls,
    /// The client secret was decrypted (integrations 10.4).
    #[error(
        "GES_GWS__CLIENT_SECRET is encrypted with aes-128-ecb, which is deprecated and protects little; \
         mount the secret in clear instead"
    )]
    WeaklySealedSecret,
    /// A password to decrypt the client secret with is there, and the secret does not decrypt.
    #[error("GES_GWS__CLIENT_SECRET does not decrypt with GES_GWS__DECRYPT_PASSWORD and is used as it is")]
    SecretTakenAsIs,
    /// The sign-in without GWS has the values of a sample.
    #[error("GES_UI__DEVOPS_PASSWORD is that of a sample: nobody can sign in with it")]
    SampleBreakGlass,
    /// The orchestration secret has a key nobody knows.
    #[error("the orchestration secret has an unknown key {key}")]
    UnknownSecretKey {
        /// The key.
        key: String,
    },
}
