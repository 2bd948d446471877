-- Who is signed in at the console, and browsers expected back from signing in. key: SHA-256 of the word the browser holds.
-- kind: 1 session, 2 expected return. sealed: the key to it is not here. Rows are over from ends_at on.
create table console_sessions (
    key blob not null primary key,
    kind integer not null,
    ends_at integer not null,
    sealed blob not null
) without rowid;
create index console_sessions_end on console_sessions (ends_at);
