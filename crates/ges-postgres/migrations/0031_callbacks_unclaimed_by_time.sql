-- no-transaction
create index concurrently callbacks_unclaimed on callbacks (service, desired_at, id) where unclaimed;
