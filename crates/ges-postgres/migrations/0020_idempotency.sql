-- What was answered under keys that callers chose. operation: 1 create, 2 cancel, 3 call-in. body: SHA-256 of the request's
-- body. subject: the id the answer names. Written in the transaction of the act itself.
create table idempotency (
    created_at bigint   not null,
    tenant     uuid     not null,
    subject    uuid     not null,
    operation  smallint not null,
    key        text     collate "C" not null,
    body       bytea    not null,
    constraint idempotency_pk primary key (tenant, operation, key),
    constraint idempotency_body_is_a_digest check (octet_length(body) = 32)
);
