-- unclaimed: 1 while CALLBACK_UPCOMING may still be sent for the record and nobody has claimed it.
alter table callbacks add column unclaimed integer not null default 0;
create index callbacks_unclaimed on callbacks (service, desired_at, id) where unclaimed = 1;

-- One row per push and target, claimed before anything is sent. event: 1 CALLBACK_UPCOMING, 2 CALLBACK_CALL_IN,
-- 3 CALLBACK_RESCHEDULED, 4 CALLBACK_CANCELLED. due_at: when it wants an attempt; null once it has ended.
create table notices (
    key integer primary key,
    callback integer not null references callbacks (key) on delete cascade,
    service integer not null,
    event integer not null,
    occasion integer not null,
    attempts integer not null,
    claimed_at integer not null,
    due_at integer,
    succeeded integer,
    target text not null,
    unique (callback, event, occasion, target)
);
create index notices_due on notices (service, due_at) where due_at is not null;

-- Sealed documents; the key is not here.
create table credentials (
    tenant blob not null,
    kind text not null,
    name text not null,
    sealed blob not null,
    primary key (tenant, kind, name)
) without rowid;
