-- Groups of Click-To-Call-In. turn: requests served so far, for taking numbers in turn.
create table call_in_groups (
    turn     bigint not null default 0,
    tenant   uuid   not null,
    name     text   collate "C" not null,
    document text   not null,
    constraint call_in_groups_pk primary key (tenant, name)
) with (fillfactor = 50);
