-- How far the published configuration of each tenant is.
create table publishes (
    tenant   uuid   not null,
    revision bigint not null,
    document text   not null,
    constraint publishes_pk primary key (tenant)
);
