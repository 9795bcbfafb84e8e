-- Which contexts has a batch or a job touched?
-- Index  context_reference_pkey.
-- Locks  none.
-- Gives  up to $6 rows after the key $4 and the word $5.
select key, what, at
from context_reference
where kind = $1 and id = $2 and tenant = $3 and (key, what) > ($4, $5)
order by key, what
limit $6;
