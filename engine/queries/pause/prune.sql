-- Forgets pauses that ended a day ago, those of jobs that have ended, and halts of batches that have. One of a schedule stays until the slots that
-- fell into it are decided: nobody may have been there for longer.
-- Index  pause_pkey; outcome's key, one step back inside the block of 1,000 ids; schedule_pkey; slot_due; batch_pkey. Pauses are few.
-- Locks  the rows.
delete from pause
where (job is null and until < (select now() + clock_offset from cluster) - interval '1 day'
       and not exists (
           select from schedule
           where pause.scope = 'configuration' and schedule.tenant = pause.tenant and schedule.name = pause.subject
             and schedule.enabled and schedule.event_pos is null and schedule.after_seconds is null
             and (schedule.planned_until < pause.until
                  or exists (
                      select from slot
                      where slot.tenant = schedule.tenant and slot.schedule = schedule.name
                        and slot.state = 'planned' and slot.at < pause.until and slot.reason is null))))
   or (job is not null and exists (
          select from (select last_id from outcome
                       where first_id <= pause.job and first_id >= pause.job / 1000 * 1000
                       order by first_id desc limit 1) near
          where near.last_id >= pause.job))
   or case when scope = 'halt' then exists (
          select from batch where batch.id = pause.subject::int8 and batch.finished_at is not null) end;
