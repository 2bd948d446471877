-- Sessions whose callback was taken away before they had ended (R-EDT-4, R-CAN-2). due_at: when one is to be stopped;
-- until_at: from then on it is left alone.
create table former_sessions (
    callback blob not null,
    session text not null,
    tenant blob not null,
    url text,
    due_at integer not null,
    until_at integer not null,
    primary key (callback, session)
) without rowid;
create index former_sessions_due on former_sessions (due_at);
