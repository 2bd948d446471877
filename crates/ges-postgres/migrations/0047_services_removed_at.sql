-- When a publish removed a service: one that comes back soon has its old rules. Milliseconds since 1970.
alter table services add column removed_at bigint;
