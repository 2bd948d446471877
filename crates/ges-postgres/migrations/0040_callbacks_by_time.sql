-- no-transaction
-- Listings of one service by desired time.
create index concurrently callbacks_by_time on callbacks (service, desired_at);
