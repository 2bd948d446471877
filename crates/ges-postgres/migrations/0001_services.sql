-- What is provisioned. Removed services stay: their bookings refer to them.
create table services (
    key            integer  generated always as identity,
    shard          smallint not null,
    paused         boolean  not null default false,
    removed        boolean  not null default false,
    tenant         uuid     not null,
    name           text     collate "C" not null,
    settings       text     not null,
    business_hours text     collate "C",
    capacity_rule  text     collate "C",
    constraint services_pk primary key (key),
    constraint services_name unique (tenant, name),
    constraint services_shard_range check (shard between 0 and 63)
);
create index services_by_shard on services (shard);
