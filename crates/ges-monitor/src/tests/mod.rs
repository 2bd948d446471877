//! The monitor as a whole, under virtual time, over the model of the record store.

mod bulk;
mod crashes;
mod handover;
mod life;
mod lost_sessions;
mod pauses;
mod pushes;
mod shards;
mod timers;
mod waits;
mod world;
