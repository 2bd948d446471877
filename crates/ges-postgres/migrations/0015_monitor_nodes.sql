-- Nodes that run monitors. expires_at: milliseconds by the clock of this server.
create table monitor_nodes (
    expires_at bigint not null,
    node       text   collate "C" not null,
    constraint monitor_nodes_pk primary key (node)
) with (fillfactor = 25);
