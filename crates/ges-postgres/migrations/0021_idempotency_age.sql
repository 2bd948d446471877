-- What is forgotten next.
create index idempotency_age on idempotency (created_at);
