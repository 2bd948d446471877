-- The pauses that stand. service '' stands for all services of the tenant. services.paused is not read any more.
create table pauses (
    since   bigint not null,
    tenant  uuid   not null,
    service text   collate "C" not null,
    actor   text   not null,
    constraint pauses_pk primary key (tenant, service)
);
-- Who paused and resumed what.
create table pause_log (
    key     bigint  generated always as identity,
    at      bigint  not null,
    tenant  uuid    not null,
    paused  boolean not null,
    service text    collate "C" not null,
    actor   text    not null,
    constraint pause_log_pk primary key (tenant, key)
);
insert into pauses (since, tenant, service, actor)
select (extract(epoch from clock_timestamp()) * 1000)::bigint, tenant, name, 'before 0055'
from services
where paused and not removed;
