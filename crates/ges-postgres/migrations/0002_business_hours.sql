create table business_hours (
    tenant   uuid not null,
    name     text collate "C" not null,
    document text not null,
    constraint business_hours_pk primary key (tenant, name)
);
