-- Which slots should have been decided $1 seconds ago, say that they fired and have neither batch nor job, or stand in a
-- row of many beside their own; which ledgers end before now? A slot that waits for a batch has a reason.
-- Index  slot_due; slot_pkey; slot_until; schedules are few.
-- Locks  none; one snapshot, and a slot is decided with its batch.
-- Gives  a row a code: how many of the first 10,000, and the first $2 of them.
with late as (
    select now() + clock_offset - make_interval(secs => $1) as since from cluster
),
wrong as (
    (select slot.schedule, slot.at, 'slot_overdue' as code, 'due ' || slot.fire_at as detail
     from slot join schedule on schedule.tenant = slot.tenant and schedule.name = slot.schedule and schedule.enabled
     where slot.state = 'planned' and slot.fire_at < (select since from late) and slot.reason is null
     order by slot.fire_at limit 10000)
    union all
    (select schedule, at, 'slot_without_batch', state
     from slot where state in ('fired', 'late', 'manual') and batch is null and job is null
     order by tenant, schedule, at limit 10000)
    union all
    (select slot.schedule, slot.at, 'slot_twice', 'in the row from ' || run.at || ' to ' || run.until
     from slot run
     join slot on slot.tenant = run.tenant and slot.schedule = run.schedule and slot.at > run.at and slot.at <= run.until
     where run.until is not null
     order by slot.tenant, slot.schedule, slot.at limit 10000)
    union all
    select name, planned_until, 'schedule_not_planned', 'written until ' || planned_until
    from schedule
    where enabled and after_seconds is null and event_pos is null and planned_until < (select since from late)
)
select code as "code!", count(*) as "found!", (array_agg(schedule || ' at ' || at order by at))[1:$2::int4] as "subjects!",
       (array_agg(detail order by at))[1:$2::int4] as "details!"
from wrong
group by code;
