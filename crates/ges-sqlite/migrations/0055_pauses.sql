-- The pauses that stand. service '' stands for all services of the tenant. services.paused is not read any more.
create table pauses (
    tenant blob not null,
    service text not null,
    since integer not null,
    actor text not null,
    primary key (tenant, service)
) without rowid;

-- Who paused and resumed what.
create table pause_log (
    key integer primary key,
    tenant blob not null,
    service text not null,
    paused integer not null,
    at integer not null,
    actor text not null
);
create index pause_log_by_tenant on pause_log (tenant, key);

insert into pauses (tenant, service, since, actor)
select tenant, name, cast(strftime('%s', 'now') as integer) * 1000, 'before 0055' from services
where paused = 1 and removed = 0;

create index callbacks_paused on callbacks (service) where state = 4;
