create table publishes (
    tenant blob primary key not null,
    revision integer not null,
    document text not null
) without rowid;

create table published_sections (
    tenant blob not null,
    name text not null,
    document text not null,
    primary key (tenant, name)
) without rowid;

alter table services add column removed_at integer;
