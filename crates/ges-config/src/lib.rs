//! Every setting: sources, precedence, origin, secrets.
//!
//! One catalogue ([`CATALOGUE`]) names each setting with its type, unit, default and meaning; the loader, the
//! `check-config` output and the reference page are made from it. Precedence (integrations 10.1): defaults, then the
//! file named by `GES_CONFIG_FILE`, then the environment, then secret files. Only [`Sources::from_process`] looks at
//! the process; everything else works on values.

mod catalogue;
mod client_secret;
mod db;
mod discovery;
mod gws;
mod layers;
mod names;
mod ors_redis;
mod page;
mod problem;
mod reader;
mod settings;
mod sources;

pub use catalogue::{CATALOGUE, Kind, Role, Setting};
pub use db::Db;
pub use discovery::{Consul, Discovery, RegionNodes};
pub use gws::{BreakGlass, Gws, Rbac, Ui};
pub use ors_redis::{OrsRedis, Tls};
pub use page::reference_page;
pub use problem::{ConfigError, EXIT_CODE, Problem, Warning};
pub use settings::{
    Alerts, Captcha, Egress, InternalAuth, Level, Loaded, Log, Nexus, Ors, OrsEvents, Push, Redis, Server, Settings,
    Urs,
};
pub use sources::Sources;
