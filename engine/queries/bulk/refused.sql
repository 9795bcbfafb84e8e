-- A page of the jobs that a change could not change, and why.
-- Index  bulk_refused_pkey; bulk_pkey.
-- Locks  none.
-- Gives  up to $4 rows after $3.
select bulk_refused.job, bulk_refused.code, bulk_refused.message, bulk_refused.at
from bulk_refused
where bulk_refused.bulk = $2 and bulk_refused.job > $3
  and exists (select from bulk where bulk.id = $2 and bulk.tenant = $1)
order by bulk_refused.job
limit $4;
