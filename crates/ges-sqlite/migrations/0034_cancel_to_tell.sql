-- Completed by a cancel whose session has not heard of it yet (R-CAN-2).
create index callbacks_cancel_to_tell on callbacks (id)
    where state = 5 and cancel_confirmed = 0 and reason = cancel_reason and session_id is not null;
