-- no-transaction
-- Completed by a cancel whose session has not heard of it yet (R-CAN-2).
create index concurrently callbacks_cancel_to_tell on callbacks (id)
    where session_id is not null and state = 6 and not cancel_confirmed and reason = cancel_reason;
