-- Sessions whose callback was taken away before they had ended (R-EDT-4, R-CAN-2). due_at: when one is to be stopped;
-- until_at: from then on it is left alone.
create table former_sessions (
    due_at   bigint  not null,
    until_at bigint  not null,
    tenant   uuid    not null,
    callback uuid    not null,
    service  integer not null,
    session  text    collate "C" not null,
    url      text,
    constraint former_sessions_pk primary key (callback, session)
);
create index former_sessions_due on former_sessions (due_at);
