-- Instants are integer milliseconds since 1970. A tenant's rows are reached through its services, whose key begins with the
-- tenant; the narrow integer key of a service then leads every index of callbacks and slot_usage.

create table services (
    key integer primary key,
    tenant blob not null,
    name text not null,
    settings text not null,
    hours text,
    capacity_rule text,
    paused integer not null default 0,
    removed integer not null default 0,
    shard integer not null,
    unique (tenant, name)
);
create index services_by_shard on services (shard);

create table business_hours (
    tenant blob not null,
    name text not null,
    document text not null,
    primary key (tenant, name)
) without rowid;

create table capacity_rules (
    tenant blob not null,
    name text not null,
    document text not null,
    primary key (tenant, name)
) without rowid;

create table tenant_throttle (
    tenant blob primary key not null,
    settings text not null
) without rowid;

-- kind: 0 IMMEDIATE, 1 SCHEDULED. accepted_as: the kind it was booked with. direction: 0 USERTERMINATED, 1 USERORIGINATED.
-- state: 0 SCHEDULED, 1 QUEUED, 2 ROUTING, 3 PROCESSING, 4 PAUSED, 5 COMPLETED.
-- waiting and wake_at are derived from the other columns and only there to be indexed. The large column comes last.
create table callbacks (
    key integer primary key,
    id blob not null unique,
    service integer not null references services (key),
    kind integer not null,
    accepted_as integer not null,
    direction integer not null,
    state integer not null,
    reason text,
    phone text not null,
    phone_key text not null,
    desired_at integer not null,
    created_at integer not null,
    updated_at integer not null,
    completed_at integer,
    deadline integer not null,
    priority integer,
    attempts integer not null,
    failures integer not null,
    submitted_at integer,
    session_id text,
    session_url text,
    dial_attempts integer not null,
    cancel_at integer,
    cancel_reason text,
    cancel_confirmed integer,
    reschedules integer not null,
    version integer not null,
    session_seq integer not null,
    position integer,
    ewt integer,
    waiting integer not null,
    wake_at integer,
    particulars blob
);
create index callbacks_due on callbacks (service, desired_at, coalesce(priority, 0) desc, created_at, id) where waiting = 1;
create index callbacks_timers on callbacks (service, wake_at) where wake_at is not null;
create index callbacks_open on callbacks (service, state, waiting) where state <> 5;
create index callbacks_numbers on callbacks (service, phone_key, created_at);
create index callbacks_windows on callbacks (service, created_at) where accepted_as = 0;
create index callbacks_age on callbacks (desired_at);

create table callback_events (
    callback integer not null references callbacks (key) on delete cascade,
    seq integer not null,
    at integer not null,
    event text not null,
    primary key (callback, seq)
) without rowid;

create table slot_usage (
    service integer not null references services (key),
    grain integer not null,
    used integer not null check (used > 0),
    primary key (service, grain)
) without rowid;

create table monitor_nodes (
    node text primary key not null,
    expires_at integer not null
) without rowid;

create table monitor_shards (
    shard integer primary key,
    owner text,
    epoch integer not null
);
insert into monitor_shards (shard, owner, epoch)
with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < 63)
select n, null, 0 from numbers;
