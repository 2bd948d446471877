//! The simulated contact centre as a process of its own.
fn main() {}
