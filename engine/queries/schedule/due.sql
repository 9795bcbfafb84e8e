-- Schedules with a due slot, with slots of older zone data ($5), or whose slots are not written far enough ahead: a day, or, where they count from the end of
-- the job before, the next one once that job has ended or is parked.
-- Index  slot_due (fire_at) where planned; schedule_job_pkey; the key of outcome and of held, one step back in
--        the block; schedules themselves are few.
-- Locks  none.
-- Gives  up to 100 rows after the schedule $3, $4.
select tenant, name
from schedule
where enabled and event_pos is null and (tenant, name) > ($3::int4, $4::text)
  and (after_seconds is null and (planned_until < $2 or zone_data < $5::text)
       or exists (
           select from slot
           where slot.tenant = schedule.tenant and slot.schedule = schedule.name
             and slot.state = 'planned' and slot.fire_at <= $1)
       or after_seconds is not null
          and not exists (
              select from slot
              where slot.tenant = schedule.tenant and slot.schedule = schedule.name
                and slot.fire_at = schedule.planned_until and slot.state = 'planned')
          and not exists (
              select from schedule_job run
              where run.tenant = schedule.tenant and run.schedule = schedule.name
                and not exists (
                    select from (select last_id from outcome
                                 where first_id <= run.job and first_id >= run.job / 1000 * 1000
                                 order by first_id desc limit 1) near
                    where near.last_id >= run.job)
                and not exists (
                    select from (select last_id, reason from held
                                 where first_id <= run.job and first_id >= run.job / 1000 * 1000
                                 order by first_id desc limit 1) near
                    where near.last_id >= run.job and near.reason = 'parked')))
order by tenant, name
limit 100;
