//! Regions: in which order groups of nodes are tried (chapter 14).

mod order;
mod rule;

pub use order::{Standing, connection_order};
pub use rule::{BadRegionRule, Region, RegionRule};
