create table region_rules (
    tenant   uuid not null,
    name     text collate "C" not null,
    document text not null,
    constraint region_rules_pk primary key (tenant, name)
);
alter table services add column region_rule text collate "C";
