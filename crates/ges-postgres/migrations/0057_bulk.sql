-- Jobs that do the same to many records, and their records. kind: 1 cancel, 2 recreate (desired_at: the new desired time).
-- A record waits while succeeded is null.
create table bulk_jobs (
    created_at bigint   not null,
    ended_at   bigint,
    desired_at bigint,
    tenant     uuid     not null,
    id         uuid     not null,
    total      integer  not null,
    kind       smallint not null,
    stopped    boolean  not null default false,
    actor      text     not null,
    constraint bulk_jobs_pk primary key (id),
    constraint bulk_jobs_kind_range check (kind between 1 and 2)
);
create index bulk_jobs_running on bulk_jobs (created_at) where ended_at is null;
create index bulk_jobs_age on bulk_jobs (created_at);
create table bulk_items (
    desired_at bigint,
    job        uuid    not null,
    callback   uuid    not null,
    created    uuid,
    position   integer not null,
    succeeded  boolean,
    service    text    collate "C",
    phone      text,
    cause      text,
    constraint bulk_items_pk primary key (job, position)
);
create index bulk_items_pending on bulk_items (job, position) where succeeded is null;
