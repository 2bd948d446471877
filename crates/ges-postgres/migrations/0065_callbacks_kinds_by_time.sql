-- no-transaction
-- Listings of one service by desired time. The condition holds for every record: only statements that repeat it use this index,
-- so that it never competes with those for numbers and for rates, between which an empty table gives the planner no reason to choose.
create index concurrently callbacks_kinds_by_time on callbacks (service, desired_at) where kind > 0;
