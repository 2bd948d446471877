-- Grows with everything that may fill a limit of the service. Who counts remembers it, who writes requires it unchanged,
-- so that two writers never take the same last place. The room beside each row keeps its updates on its page.
create table service_ledger (
    seq     bigint  not null default 0,
    service integer not null,
    constraint service_ledger_pk primary key (service)
) with (fillfactor = 25);
