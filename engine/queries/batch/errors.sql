-- Why did members of this batch fail? Grouped by fingerprint, with five jobs each.
-- Index  batch_range_pkey, then outcome_bad (tenant, kind, first_id) once a range and kind;
--        held_lane for what is parked. As many rows as the batch has failures, no more.
-- Locks  none.
-- Gives  up to $3 groups, the largest first.
with bad as (
    select o.kind, o.code, o.fingerprint, o.first_id, o.last_id, o.at
    from batch_range r
    join outcome o on o.tenant = $1 and o.kind = any('{failed,expired}')
                  and o.first_id between r.first_id and r.last_id
    where r.batch = $2
    union all
    select 'parked', coalesce(h.code, nullif(h.why, '')), h.fingerprint, h.first_id, h.last_id, h.eff
    from batch b
    join held h on h.lane = b.lane and h.reason = 'parked'
    where b.tenant = $1 and b.id = $2
)
select kind as "kind!", code as "code?", fingerprint as "fingerprint?",
       sum(last_id - first_id + 1)::bigint as "jobs!",
       min(at) as "first_at!", max(at) as "last_at!",
       (array_agg(first_id order by first_id))[1:5] as "sample!"
from bad
group by kind, code, fingerprint
order by 4 desc, 1, 2, 3
limit $3;
