//! The monitor as a whole, under virtual time, over the model of the record store.

mod crashes;
mod handover;
mod life;
mod shards;
mod timers;
mod waits;
mod world;
