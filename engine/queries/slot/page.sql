-- A page of a schedule's ledger between two instants, latest first.
-- Index  slot_pkey (tenant, schedule, at), read backwards; the states are judged on the way.
-- Locks  none.
-- Gives  up to $6 rows.
select schedule, at, fire_at, state, reason, batch, job, decided_at, revision, covers, note, not_started_at, not_finished_at
from slot
where tenant = $1 and schedule = $2 and at >= $3 and at < $4
  and (cardinality($5::text[]) = 0 or state = any($5))
order by at desc
limit $6;
