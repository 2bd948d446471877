create table number_rules (
    tenant   uuid not null,
    name     text collate "C" not null,
    document text not null,
    constraint number_rules_pk primary key (tenant, name)
);
alter table services add column number_rule text collate "C";
