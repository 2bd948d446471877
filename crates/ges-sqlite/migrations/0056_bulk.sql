-- Jobs that do the same to many records, and their records. kind: 1 cancel, 2 recreate (desired_at: the new desired time).
-- A record waits while succeeded is null.
create table bulk_jobs (
    id blob primary key not null,
    tenant blob not null,
    kind integer not null,
    desired_at integer,
    actor text not null,
    created_at integer not null,
    ended_at integer,
    stopped integer not null default 0,
    total integer not null
) without rowid;
create index bulk_jobs_running on bulk_jobs (created_at) where ended_at is null;
create index bulk_jobs_age on bulk_jobs (created_at);

create table bulk_items (
    job blob not null references bulk_jobs (id) on delete cascade,
    position integer not null,
    callback blob not null,
    service text,
    phone text,
    desired_at integer,
    succeeded integer,
    cause text,
    created blob,
    primary key (job, position)
) without rowid;
create index bulk_items_pending on bulk_items (job, position) where succeeded is null;
