-- Which lanes name a counter that does not exist, so that nothing of them can ever be claimed?
-- Index  lane_pkey; limit_use_pkey.
-- Locks  none; one snapshot. Counters are kept, like the lanes that name them.
-- Gives  one row or none: how many, and the first $1 of them.
with wrong as (
    select lane.id, key
    from lane cross join lateral unnest(lane.limits) as key
    where lane.limits <> '{}' and not exists (select from limit_use where limit_use.key = key.key)
)
select 'lane_without_limit' as "code!", count(*) as "found!",
       (array_agg('lane ' || id order by id, key))[1:$1::int4] as "subjects!",
       (array_agg('counter ' || key order by id, key))[1:$1::int4] as "details!"
from wrong
having count(*) > 0;
