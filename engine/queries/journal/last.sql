-- Where did this job stand after its last turn?
-- Index  journal_pkey (job, seq).
-- Locks  none.
-- Gives  the newest entry; none when it has none, or the job is not of this tenant.
select e.data
from journal e
where e.job = $2
  and exists (select 1 from job j where j.id = $2 and j.tenant = $1)
order by e.seq desc
limit 1;
