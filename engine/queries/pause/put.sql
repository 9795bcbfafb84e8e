-- Pauses something, or changes the pause that it has: mode, who, why and end.
-- Index  pause_identity.
-- Locks  the row.
-- Gives  the pause's id.
insert into pause (tenant, scope, subject, job, mode, who, why, since, until)
select $1, $2, $3, $4, $5, $6, $7, now() + clock_offset, $8 from cluster
on conflict (tenant, scope, subject) do update
    set mode = excluded.mode, who = excluded.who, why = excluded.why, until = excluded.until,
        since = case when pause.until <= excluded.since then excluded.since else pause.since end
returning id;
