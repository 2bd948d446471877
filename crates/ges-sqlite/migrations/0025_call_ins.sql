-- Click-To-Call-In. turn: requests a group has served, for taking numbers in turn.
create table call_in_groups (
    tenant blob not null,
    name text not null,
    turn integer not null default 0,
    document text not null,
    primary key (tenant, name)
) without rowid;

-- reservation: the key on the number, by its kind: c and a code, p and a caller, x for the number alone.
-- state: 0 waiting, 1 matched, 2 expired. freed_at: when the key is or becomes free.
create table call_in_requests (
    key integer primary key,
    tenant blob not null,
    id blob not null,
    group_name text not null,
    number text not null,
    reservation text not null,
    state integer not null,
    created_at integer not null,
    expires_at integer not null,
    ended_at integer,
    freed_at integer not null,
    details blob,
    unique (tenant, id)
);
create index call_in_requests_held on call_in_requests (tenant, number, freed_at);
create index call_in_requests_age on call_in_requests (created_at);
