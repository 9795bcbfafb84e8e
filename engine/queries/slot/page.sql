-- A page of a schedule's ledger between two instants, latest first. A row that stands for many slots is in it where it
-- reaches into that time.
-- Index  slot_pkey (tenant, schedule, at), read backwards, the states judged on the way; slot_until (tenant, schedule, until).
-- Locks  none.
-- Gives  up to $6 rows.
select schedule, at, fire_at, state, reason, batch, job, decided_at, revision, covers, note, not_started_at, not_finished_at,
       until, n
from slot
where tenant = $1 and schedule = $2 and at < $4
  and at >= least($3, (
      select run.at from slot run
      where run.tenant = $1 and run.schedule = $2 and run.until >= $3
      order by run.until limit 1))
  and (cardinality($5::text[]) = 0 or state = any($5))
order by at desc
limit $6;
