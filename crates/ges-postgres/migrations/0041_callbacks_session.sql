-- no-transaction
-- The callback of a session.
create index concurrently callbacks_session on callbacks (session_id) where session_id is not null;
