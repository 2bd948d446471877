-- Places taken per five minutes of UTC. A row may stand at zero.
create table slot_usage (
    grain   bigint  not null,
    service integer not null,
    used    integer not null,
    constraint slot_usage_pk primary key (service, grain),
    constraint slot_usage_not_negative check (used >= 0)
) with (fillfactor = 90);
