-- Callbacks accepted as immediate, for the rate windows.
create index callbacks_rate on callbacks (service, created_at)
    where counted;
