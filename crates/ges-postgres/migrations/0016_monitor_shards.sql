-- Who runs which shard. The epoch grows whenever the right to a shard changes hands.
create table monitor_shards (
    epoch bigint   not null default 0,
    shard smallint not null,
    node  text     collate "C",
    constraint monitor_shards_pk primary key (shard),
    constraint monitor_shards_range check (shard between 0 and 63)
);
insert into monitor_shards (shard) select generate_series(0, 63);
