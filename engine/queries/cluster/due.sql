-- Which duties have something to do, when does the next one by the clock, and does anything stir?
-- Index  ready_pkey, later_due, wait_due, expiry_due, slot_due, schedule_ahead, batch_open, batch_judged, batch_cancelling, batch_asking, held_cancelling,
--        pause_job, redrive_running, bulk_running, breaker_busy, outcome_stopped, held_stopped, signal_refused, gathering_due, child_batch_open, batch_outside_open, notice_open, callback_open, slot_start_by, slot_finish_by, delivery_due, forecast_open: the head of each;
--        lease_worker; schedule_job_pkey; tally_batch. Workers, leases, wishes, pauses, schedules, webhooks and looks of callbacks are few.
-- Locks  none: each duty finds out again under its own.
-- Gives  one row: the names of duties; whether work is ready, and whether some is ready or leased;
--        seconds until the next timer, slot, or end of a rest or pause, null without; a number that
--        changes with every job that is made; when the server began, and the transaction of its latest
--        heartbeat: one that was acknowledged, where the next number may have been drawn by what never
--        came to be durable. $1 is the lease time in seconds, $2 the window of a breaker without a rule.
with clock as materialized (
    -- from the newest job on: the entries of claimed ones are at the other end
    select now() + clock_offset as now, since,
           (select first_id from ready order by first_id desc limit 1) is not null as is_ready
    from cluster
),
duty (name, is_due) as (
    select 'expire', exists (
            select from worker
            where dead_at is null and seen < now() - make_interval(secs => $1)
              and pg_postmaster_start_time() < now() - make_interval(secs => $1)
              and clock.since < now() - make_interval(secs => $1))
        or exists (
            select from lease left join worker on worker.id = lease.worker
            where worker.id is null or worker.dead_at is not null)
    from clock
    union all
    select 'cancel', exists (select from intent where verb = 'cancel')
        or exists (select from held where reason = 'cancelling')
        or exists (
            select from batch
            where cancelling_at is not null and finished_at is null and cancel_cursor < 9223372036854775807)
        or exists (select from batch where asking and ask_until < clock.now)
    from clock
    union all
    select 'pause', exists (select from pause where job is not null and until <= clock.now)
        or exists (
            select from pause
            where job is not null and not exists (
                select from held where held.first_id = pause.job and held.last_id = pause.job and held.reason = 'paused'))
        or exists (select from pause where job is null and until < clock.now - interval '1 day')
    from clock
    union all
    select 'wake', exists (select from later where run_at <= clock.now)
        or exists (select from wait where n = 0 and due <= clock.now)
        or exists (select from expiry where at <= clock.now)
    from clock
    union all
    select 'mail', exists (select from event_new) or exists (select from child) or exists (select from inbox)
        or exists (select from child_batch where not over)
        or exists (select from event_head join event_woken using (only_row) where event_woken.pos < event_head.pos)
        or exists (select from signal where job is null and refused <> '{}')
    union all
    select 'plan', exists (select from batch where state = 'planning' and finished_at is null and (outside is null or gathered))
    union all
    select 'source', exists (
            select from batch
            where outside is not null and not gathered and finished_at is null and state = 'planning'
              and coalesce(source_until, '-infinity') <= now())
    union all
    select 'release', exists (select from batch where state in ('planned', 'releasing') and finished_at is null and not asking)
    union all
    select 'finish', exists (select from batch where state = 'running' and finished_at is null)
        or exists (select from batch where judged and finished_at is null)
    union all
    select 'forecast', exists (
            select from batch left join forecast on forecast.batch = batch.id
            where batch.state in ('releasing', 'running') and batch.finished_at is null
              and coalesce(forecast.seen_at, '-infinity') < now() - interval '1 minute')
        or exists (
            select from forecast join batch on batch.id = forecast.batch
            where not forecast.over and batch.finished_at is not null)
    union all
    select 'fire', exists (
            select from schedule
            where enabled and planned_until < clock.now + interval '23 hours' and after_seconds is null and event_pos is null)
        or exists (
            select from slot
            join schedule on schedule.tenant = slot.tenant and schedule.name = slot.schedule
            where slot.state = 'planned' and slot.fire_at <= clock.now and schedule.enabled)
        or exists (
            select from schedule
            where enabled and after_seconds is not null
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
    from clock
    union all
    select 'tell', exists (select from notice where told_at is null)
        or exists (select from callback where purpose is not null and job is null and problem is null)
        or exists (select from slot where start_by <= clock.now)
        or exists (select from slot where finish_by <= clock.now)
        or exists (
            select from callback_watch watch join batch on batch.id = watch.batch
            where batch.finished_at is not null or exists (
                select from tally where tally.batch = watch.batch and tally.kind in ('failed', 'parked', 'expired')))
    from clock
    union all
    select 'deliver', exists (
            select from webhook cross join lateral (
                (select from delivery
                 where delivery.tenant = webhook.tenant and delivery.webhook = webhook.name and delivery.state = 'waiting'
                   and delivery.asked and delivery.due <= clock.now
                 limit 1)
                union all
                -- what waits for a webhook that is off or disabled is not looked at
                (select from delivery
                 where webhook.enabled and webhook.disabled_at is null
                   and delivery.tenant = webhook.tenant and delivery.webhook = webhook.name and delivery.state = 'waiting'
                   and delivery.due <= clock.now
                 limit 1)) due)
    from clock
    union all
    select 'gather', exists (
            select from schedule cross join event_head
            where schedule.enabled and schedule.event_pos < event_head.pos
              and not exists (
                  select from pause
                  where pause.tenant = schedule.tenant and pause.scope = 'configuration' and pause.subject = schedule.name
                    and (pause.until is null or pause.until > clock.now)))
        or exists (select from gathering where expires_at <= clock.now)
    from clock
    union all
    select 'redrive', exists (select from redrive where state = 'running')
    union all
    select 'bulk', exists (select from bulk where state = 'running')
    union all
    select 'break', exists (
            select from breaker where state <> 'closed' and (state = 'probing' or due <= clock.now))
        or exists (select from breaker_probe)
        or exists (select from outcome where fingerprint is not null and at >= now() - lately.seconds)
        or exists (
            select from held
            where reason = 'parked' and fingerprint is not null and run_at >= now() - lately.seconds)
    from clock
    cross join lateral (
        select make_interval(secs => (select greatest($2::int4, max(window_seconds)) from breaker_rule)) as seconds
    ) lately
),
soon (at) as (
    select (select run_at from later where run_at > clock.now order by run_at limit 1) from clock
    union all
    select (select due from wait where n = 0 and due > clock.now order by due limit 1) from clock
    union all
    select (select at from expiry where at > clock.now order by at limit 1) from clock
    union all
    select (select fire_at from slot where state = 'planned' and fire_at > clock.now order by fire_at limit 1) from clock
    union all
    select min(until) from pause cross join clock where job is not null and until > clock.now
    union all
    select (select ask_until from batch where asking and ask_until > clock.now order by ask_until limit 1) from clock
    union all
    select min(source_until) + clock_offset from batch cross join cluster
    where outside is not null and not gathered and finished_at is null and source_until > now()
    group by clock_offset
    union all
    select min(due) from breaker cross join clock where state = 'open' and due > clock.now
    union all
    -- a rate gives no more than a second's worth, so it is asked twice in one
    select clock.now + interval '500 milliseconds' from clock
    where exists (select from batch where state = 'releasing' and finished_at is null and tokens_at is not null)
    union all
    select (select start_by from slot where start_by > clock.now order by start_by limit 1) from clock
    union all
    select (select finish_by from slot where finish_by > clock.now order by finish_by limit 1) from clock
    union all
    select min(next.due) from webhook cross join clock cross join lateral (
        select due from delivery
        where delivery.tenant = webhook.tenant and delivery.webhook = webhook.name and delivery.state = 'waiting'
          and delivery.due > clock.now and webhook.enabled and webhook.disabled_at is null
        order by due limit 1) next
)
select array(select name from duty where is_due) as "duties!",
       clock.is_ready as "is_ready!",
       clock.is_ready or exists (select from lease) as "is_busy!",
       (select extract(epoch from min(soon.at) - clock.now)::float8 from soon) as "next_seconds?",
       (select last_value from job_block) + (select last_value from job_single) as "ids!",
       pg_postmaster_start_time() as "server_since!",
       (select max(next.xid - (next.xid - worker.xmin::text::int8 & 4294967295))
        from worker cross join (select pg_snapshot_xmax(pg_current_snapshot())::text::int8 as xid) next
        where worker.seen > now() - interval '1 hour') as "acknowledged?"
from clock;
