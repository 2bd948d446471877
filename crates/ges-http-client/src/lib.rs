//! Outbound policy for every peer: deadlines, retries, breaker, bulkhead, body caps.
