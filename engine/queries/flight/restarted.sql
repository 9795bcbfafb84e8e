-- A parked job goes on: its batch takes back that it had settled.
-- Index  none: it inserts.
-- Locks  a new row, under the batch's lock.
insert into tally (batch, kind, n) values ($1, 'restarted_parked', 1);
