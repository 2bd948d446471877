-- What retention removes next.
create index callbacks_expiry on callbacks (desired_at);
