create table tenant_throttle (
    tenant   uuid not null,
    settings text not null,
    constraint tenant_throttle_pk primary key (tenant)
);
