-- Schedules with a due slot, or whose slots are not written far enough ahead.
-- Index  slot_due (fire_at) where planned; schedules themselves are few.
-- Locks  none.
-- Gives  up to 100 rows after the schedule $3, $4.
select tenant, name
from schedule
where enabled and (tenant, name) > ($3::int4, $4::text)
  and (planned_until < $2
       or exists (
           select from slot
           where slot.tenant = schedule.tenant and slot.schedule = schedule.name
             and slot.state = 'planned' and slot.fire_at <= $1))
order by tenant, name
limit 100;
