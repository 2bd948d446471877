-- What is over is deleted oldest first.
create index console_sessions_end on console_sessions (ends_at);
