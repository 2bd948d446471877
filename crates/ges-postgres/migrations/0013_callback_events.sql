-- The timeline from the second event on. The first one, the booking, is told by the row itself: its creation time, its
-- source and its author never change, so keeping it again would only cost a row and an index entry per booking.
-- event: [instant, actor, changes] as JSON.
create table callback_events (
    tenant uuid    not null,
    id     uuid    not null,
    seq    integer not null,
    event  text    not null,
    constraint callback_events_pk primary key (tenant, id, seq),
    constraint callback_events_seq_from_two check (seq >= 2)
);
