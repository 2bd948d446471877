-- Records that wait for hand-over, in the order they are handed over.
create index callbacks_waiting on callbacks (service, desired_at, (-coalesce(priority, 0)), created_at)
    where state <= 2 and submitted_at is null and session_id is null;
