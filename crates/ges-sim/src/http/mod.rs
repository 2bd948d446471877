//! What every simulated peer shares: loopback listeners, recordings of what was asked, faults on demand.

mod faults;
mod intercept;
mod recordings;
mod socket;

pub(crate) use faults::{Fault, Faults};
pub(crate) use intercept::{Door, serve};
