-- How much is due, to come and under way in each queue of this tenant?
-- Index  lane_pkey; sums over extents, of which a block of 1,000 jobs needs one.
-- Locks  none.
-- Gives  one row a queue that has lanes, present even when all its figures are zero.
with due as (
    select lane, sum(last_id - first_id + 1) as jobs, min(eff) as oldest from ready group by lane
),
future as (
    select lane, sum(last_id - first_id + 1) as jobs,
           sum(last_id - first_id + 1) filter (where run_at < now() + interval '1 minute') as soon
    from later group by lane
),
stopped as (
    select lane, sum(last_id - first_id + 1) as jobs from held group by lane
),
leased as (
    select l.lane, sum(upper(r.jobs) - lower(r.jobs)) as jobs
    from lease l cross join lateral unnest(l.jobs) as r(jobs) group by l.lane
)
select n.queue,
       coalesce(sum(d.jobs), 0)::bigint as "ready!",
       coalesce(sum(f.jobs), 0)::bigint as "later!",
       coalesce(sum(f.soon), 0)::bigint as "due_soon!",
       coalesce(sum(h.jobs), 0)::bigint as "held!",
       coalesce(sum(l.jobs), 0)::bigint as "leased!",
       coalesce(greatest(extract(epoch from now() - min(d.oldest)), 0), 0)::float8 as "oldest_ready_seconds!"
from lane n
left join due d on d.lane = n.id
left join future f on f.lane = n.id
left join stopped h on h.lane = n.id
left join leased l on l.lane = n.id
where n.tenant = $1
group by n.queue
order by n.queue;
