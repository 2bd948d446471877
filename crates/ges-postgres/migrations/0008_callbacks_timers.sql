-- When a record wants a look although nothing wakes it.
create index callbacks_timers on callbacks (service, (coalesce(ack_at, deadline)))
    where state in (1, 2, 3, 5);
