-- The pause by which a breaker holds its template, or new words for the one that is there.
-- Index  pause_identity.
-- Locks  the row, under the breaker's.
insert into pause (tenant, scope, subject, mode, who, why, since)
select $1, 'breaker', $2, 'hold', $3, $4, now() + clock_offset from cluster
on conflict (tenant, scope, subject) do update
    set who = excluded.who, why = excluded.why, until = null,
        since = case when pause.until <= excluded.since then excluded.since else pause.since end;
