-- no-transaction
drop index concurrently callbacks_by_time;
