-- The watermark of a service.
create index callbacks_active on callbacks (service)
    where state between 2 and 5;
