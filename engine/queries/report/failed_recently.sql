-- How many jobs of this tenant ended badly since $2, counting no further than $3 rows back?
-- Index  outcome_bad (tenant, kind, first_id), read backwards: ids grow with time.
-- Locks  none.
-- Gives  one row; `reached` says that the bound ended the count.
with newest as (
    (select first_id, last_id, at from outcome where tenant = $1 and kind = 'failed' order by first_id desc limit $3)
    union all
    (select first_id, last_id, at from outcome where tenant = $1 and kind = 'expired' order by first_id desc limit $3)
)
select coalesce(sum(last_id - first_id + 1) filter (where at >= $2), 0)::bigint as "jobs!",
       count(*) >= $3 as "reached!"
from newest;
