-- Listings of one service by desired time, and the callback of a session.
create index callbacks_by_time on callbacks (service, desired_at);
create index callbacks_session on callbacks (session_id) where session_id is not null;
