-- Who is signed in at the console, and browsers expected back from signing in. key: SHA-256 of the word the browser holds.
-- kind: 1 session, 2 expected return. sealed: the key to it is not here. Rows are over from ends_at on.
create table console_sessions (
    ends_at bigint   not null,
    kind    smallint not null,
    key     bytea    not null,
    sealed  bytea    not null,
    constraint console_sessions_pk primary key (key),
    constraint console_sessions_key_is_a_digest check (octet_length(key) = 32)
);
