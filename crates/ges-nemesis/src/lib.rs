//! The real programs under attack (design 10.4): crashes, pauses, lost servers, cut connections, then the question whether
//! every promise I1 to I11 was kept.
//!
//! Everything runs in processes of its own: API pods, workers, PostgreSQL, Redis, the simulator. What happened is told by four
//! witnesses who do not know each other: clients ([`History`]), the stream ([`Ledger`]), the simulator's sessions
//! ([`Control`]), and the record with its timelines. [`gather`] puts them together for [`ges_domain::invariants::check`].

mod caller;
mod clients;
mod control;
mod deployment;
mod faults;
mod figures;
mod gather;
mod history;
mod ledger;
mod limit;
mod moment;
mod provisioning;
mod relay;
mod run;
mod wire;

pub use caller::{Answer, Caller};
pub use clients::{Clients, Pace};
pub use control::{Control, Pushed, SessionSeen};
pub use deployment::{Deployment, DeploymentPlan};
pub use faults::{Fault, Server, schedule};
pub use figures::{Figure, Measured};
pub use gather::{Limited, gather};
pub use history::History;
pub use ledger::{Ledger, Written};
pub use limit::{CLIENTS, LIMIT, LimitRun, limit_runs};
pub use moment::now;
pub use provisioning::{ServiceRow, document};
pub use relay::{Cut, Relay, Weather};
pub use run::{RunSettings, Verdict, run};
pub use wire::raw_exchange;
