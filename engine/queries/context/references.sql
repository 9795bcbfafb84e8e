-- Which batches and jobs have touched a context, those that came last first? All, or those of the kind $3.
-- Index  context_reference_list: one kind after the other, merged.
-- Locks  none.
-- Gives  up to $8 rows before the one that was noted at $4 with the id $5, the kind $6 and the word $7.
with batches as (
    select kind, id, what, at from context_reference
    where tenant = $1 and key = $2 and kind = 'batch' and coalesce($3, 'batch') = 'batch'
      and (at, id, kind, what) < ($4, $5, $6, $7)
    order by at desc, id desc, what desc
    limit $8
),
jobs as (
    select kind, id, what, at from context_reference
    where tenant = $1 and key = $2 and kind = 'job' and coalesce($3, 'job') = 'job'
      and (at, id, kind, what) < ($4, $5, $6, $7)
    order by at desc, id desc, what desc
    limit $8
)
select kind as "kind!", id as "id!", what as "what!", at as "at!"
from (select * from batches union all select * from jobs) reference
order by at desc, id desc, kind desc, what desc
limit $8;
