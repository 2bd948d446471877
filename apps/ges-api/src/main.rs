//! The API pod: external and internal listener on PostgreSQL.
fn main() {}
