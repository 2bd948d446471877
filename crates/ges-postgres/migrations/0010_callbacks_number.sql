-- Callbacks of one number.
create index callbacks_number on callbacks (service, phone_key);
