-- Sealed documents; the key is not here.
create table credentials (
    tenant uuid  not null,
    kind   text  collate "C" not null,
    name   text  collate "C" not null,
    sealed bytea not null,
    constraint credentials_pk primary key (tenant, kind, name)
);
