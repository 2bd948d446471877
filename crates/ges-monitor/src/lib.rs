//! Background loops: shard leases, agenda, submission, deadlines, purge.
