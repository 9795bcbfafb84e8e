-- Which batches among $1 have another plan than they say, planned jobs that nobody will release or end, or no slot
-- although a schedule made them?
-- Index  batch_pkey; batch_range_pkey; member_pkey; lane_batch, held_lane (lane, reason, first_id); slot_batch.
-- Locks  none; one snapshot.
-- Gives  a row a code: how many, and the first $2 of them.
with chosen as materialized (
    select * from batch where id = any ($1::int8[])
),
wrong as (
    select chosen.id, 'batch_plan_differs' as code,
           'says ' || chosen.jobs || ' jobs and ' || chosen.members || ' members, has ' || ranges.jobs || ' and '
               || ranges.members as detail
    from chosen
    cross join lateral (
        select (select coalesce(sum(last_id - first_id + 1), 0) from batch_range where batch_range.batch = chosen.id)::int8 as jobs,
               (select count(*) from member where member.batch = chosen.id) as members
    ) ranges
    where chosen.sealed and chosen.state <> 'failed'
      and (ranges.jobs <> chosen.jobs or chosen.strategy <> 'individual' and ranges.members <> chosen.members)
    union all
    select chosen.id, 'planned_left_behind', 'the batch is ' || chosen.state
    from chosen
    where chosen.state not in ('planning', 'planned', 'releasing', 'paused')
      and (chosen.cancelling_at is null or chosen.finished_at is not null or chosen.cancel_cursor = 9223372036854775807)
      and exists (
          select from lane join held on held.lane = lane.id and held.reason = 'planned'
          where lane.batch = chosen.id and lane.batch <> 0)
    union all
    select chosen.id, 'batch_without_slot', chosen.schedule || ' at ' || chosen.slot_at
    from chosen
    where chosen.schedule is not null and chosen.slot_at is not null
      and not exists (select from slot where slot.batch is not null and slot.batch = chosen.id)
)
select code as "code!", count(*) as "found!", (array_agg('b_' || id order by id))[1:$2::int4] as "subjects!",
       (array_agg(detail order by id))[1:$2::int4] as "details!"
from wrong
group by code;
