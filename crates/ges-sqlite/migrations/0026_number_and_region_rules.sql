create table number_rules (
    tenant blob not null,
    name text not null,
    document text not null,
    primary key (tenant, name)
) without rowid;

create table region_rules (
    tenant blob not null,
    name text not null,
    document text not null,
    primary key (tenant, name)
) without rowid;

alter table services add column number_rule text;
alter table services add column region_rule text;
