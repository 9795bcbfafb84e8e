-- A page of this job's journal, oldest first.
-- Index  journal_pkey (job, seq).
-- Locks  none.
-- Gives  up to $4 entries after $3; none when the job is not of this tenant.
select e.seq, e.kind, e.at, e.claim, e.data
from journal e
where e.job = $2
  and e.seq > $3
  and exists (select 1 from job j where j.id = $2 and j.tenant = $1)
order by e.seq
limit $4;
