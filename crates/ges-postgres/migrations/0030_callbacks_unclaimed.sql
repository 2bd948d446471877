-- true while CALLBACK_UPCOMING may still be sent for the record and nobody has claimed it; null otherwise, which takes no room.
alter table callbacks add column unclaimed boolean;
