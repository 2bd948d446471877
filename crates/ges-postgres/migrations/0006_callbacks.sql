-- One row per callback. Columns stand by alignment, and a column that is usually zero is null instead: both save space.
-- Instants are milliseconds. state: 1 scheduled, 2 queued, 3 routing, 4 processing, 5 paused, 6 completed.
-- kind: 1 immediate, 2 scheduled. direction: 1 we dial, 2 the consumer calls in.
-- "Waiting" is written out wherever it is asked for: state <= 2 and submitted_at is null and session_id is null.
-- There are no foreign keys: checking them would lock the service's row once per booking.
create table callbacks (
    desired_at       bigint   not null,
    created_at       bigint   not null,
    deadline         bigint   not null,
    updated_at       bigint,             -- null: created_at
    completed_at     bigint,
    submitted_at     bigint,
    ack_at           bigint,             -- until when the unanswered attempt may stay so; null: deadline counts
    session_seq      bigint,
    cancel_at        bigint,
    tenant           uuid     not null,
    id               uuid     not null,
    service          integer  not null,
    version          integer  not null,
    attempts         integer,
    failures         integer,
    dial_attempts    integer,
    reschedules      integer,
    position         integer,
    ewt              integer,
    state            smallint not null,
    kind             smallint not null,
    direction        smallint not null,
    priority         smallint,
    counted          boolean,            -- true: accepted as immediate, which rate limits count whatever it became
    cancel_confirmed boolean,
    phone            text     not null,
    phone_key        text     collate "C" not null,
    reason           text,
    session_id       text,
    session_url      text,
    cancel_reason    text,
    details          bytea,              -- null: nothing worth keeping; else one format byte and the document
    -- id leads: internal calls know nothing else, and rising ids fill pages from the right.
    constraint callbacks_pk primary key (id, tenant),
    constraint callbacks_state_range check (state between 1 and 6),
    constraint callbacks_kind_range check (kind between 1 and 2),
    constraint callbacks_direction_range check (direction between 1 and 2),
    constraint callbacks_reason_when_completed check ((state = 6) = (reason is not null)),
    constraint callbacks_time_when_completed check ((state = 6) = (completed_at is not null))
);
-- Documents are compressed before they get here.
alter table callbacks alter column details set storage external;
