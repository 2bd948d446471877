-- One row per push and target, claimed before anything is sent. event: 1 CALLBACK_UPCOMING, 2 CALLBACK_CALL_IN,
-- 3 CALLBACK_RESCHEDULED, 4 CALLBACK_CANCELLED. due_at: when it wants an attempt; null once it has ended.
create table notices (
    claimed_at bigint   not null,
    due_at     bigint,
    occasion   bigint   not null,
    tenant     uuid     not null,
    callback   uuid     not null,
    service    integer  not null,
    attempts   integer  not null,
    event      smallint not null,
    succeeded  boolean,
    target     text     collate "C" not null,
    constraint notices_pk primary key (callback, event, occasion, target),
    constraint notices_event_range check (event between 1 and 4)
);
create index notices_due on notices (service, due_at) where due_at is not null;
