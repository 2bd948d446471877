create table capacity_rules (
    tenant   uuid not null,
    name     text collate "C" not null,
    document text not null,
    constraint capacity_rules_pk primary key (tenant, name)
);
