-- Records that sessions have, which a monitor asks after (R-POL-3).
create index callbacks_held on callbacks (id)
    where session_id is not null and state between 2 and 5;
