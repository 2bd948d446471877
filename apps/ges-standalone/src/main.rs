//! Everything in one process on SQLite, with a simulated contact centre.
fn main() {}
