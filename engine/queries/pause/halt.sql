-- Halts a batch: nothing more of it starts until a person lets it go on.
-- Index  pause_identity.
-- Locks  the row, under the batch's lock.
insert into pause (tenant, scope, subject, mode, who, why, since)
select $1, 'halt', $2, 'hold', 'windlass', $3, now() + clock_offset from cluster
on conflict (tenant, scope, subject) do update set why = excluded.why;
