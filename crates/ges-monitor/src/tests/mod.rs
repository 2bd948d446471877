//! The monitor as a whole, under virtual time, over the model of the record store.

mod bulk;
mod crashes;
mod handover;
mod life;
mod pauses;
mod proxies;
mod pushes;
mod shards;
mod timers;
mod waits;
mod watch;
mod world;
