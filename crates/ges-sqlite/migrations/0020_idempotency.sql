-- What was answered under keys that callers chose. operation: 1 create, 2 cancel, 3 call-in. body: SHA-256 of the request's
-- body. subject: the id the answer names. Written in the transaction of the act itself.
create table idempotency (
    tenant blob not null,
    operation integer not null,
    key text not null,
    body blob not null,
    subject blob not null,
    created_at integer not null,
    primary key (tenant, operation, key)
) without rowid;
create index idempotency_age on idempotency (created_at);
