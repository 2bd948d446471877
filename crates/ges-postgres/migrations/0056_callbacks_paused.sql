-- no-transaction
create index concurrently callbacks_paused on callbacks (service) where state = 5;
