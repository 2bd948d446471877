//! The worker pod: monitors on PostgreSQL and the orchestration stream.
fn main() {}
