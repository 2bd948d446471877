-- Requests of Click-To-Call-In. reservation: the key on the number, by its kind: c and a code, p and a caller, x for the number
-- alone. state: 1 waiting, 2 matched, 3 expired; a waiting one is over at expires_at, whatever is written.
-- freed_at: when the key is or becomes free.
create table call_in_requests (
    created_at  bigint   not null,
    expires_at  bigint   not null,
    freed_at    bigint   not null,
    ended_at    bigint,
    tenant      uuid     not null,
    id          uuid     not null,
    state       smallint not null,
    number      text     collate "C" not null,
    reservation text     collate "C" not null,
    group_name  text     collate "C" not null,
    details     bytea    not null,
    constraint call_in_requests_pk primary key (tenant, id),
    constraint call_in_requests_state_range check (state between 1 and 3)
);
-- No two waiting requests hold the same key; also where the request of a call is found.
create unique index call_in_requests_waiting on call_in_requests (tenant, number, reservation)
    where state = 1;
-- Keys that are taken or rest.
create index call_in_requests_held on call_in_requests (tenant, number, freed_at);
-- What retention removes next.
create index call_in_requests_age on call_in_requests (created_at);
