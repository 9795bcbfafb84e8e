-- Judges slots whose work was to have started or finished by now: those that are behind are noted, once, the others are not
-- looked at again. What a rule or a person skipped is not behind, nor what another slot runs in the place of.
-- Index  slot_start_by, slot_finish_by; slot_pkey; batch_pkey.
-- Locks  the slots, skip locked; the new notices.
-- Gives  how many were judged, and how many are behind.
with clock as materialized (
    select now() + clock_offset as now from cluster
),
due as materialized (
    select tenant, schedule, at from slot where start_by <= (select now from clock)
    union
    select tenant, schedule, at from slot where finish_by <= (select now from clock)
    limit 500
),
locked as materialized (
    select slot.tenant, slot.schedule, slot.at, slot.start_by, slot.finish_by, slot.state, slot.reason, slot.batch,
           slot.state = 'skipped' or slot.state = 'missed' and slot.reason = 'superseded' as is_left,
           (select now from clock) as now
    from due
    join slot on (slot.tenant, slot.schedule, slot.at) = (due.tenant, due.schedule, due.at)
    order by slot.tenant, slot.schedule, slot.at
    for update of slot skip locked
),
judged as materialized (
    select locked.*, coalesce(locked.start_by <= locked.now, false) as start_is_due,
           coalesce(locked.finish_by <= locked.now, false) as finish_is_due,
           not is_left and coalesce(batch.started_at > locked.start_by, true) as not_started,
           not is_left and (batch.finished_at is null or batch.finished_at > locked.finish_by or batch.state = 'failed') as not_finished
    from locked left join batch on batch.id = locked.batch
),
marked as (
    update slot
    set start_by = case when start_is_due then null else slot.start_by end,
        finish_by = case when finish_is_due then null else slot.finish_by end,
        not_started_at = case when start_is_due and not_started then judged.now else slot.not_started_at end,
        not_finished_at = case when finish_is_due and not_finished then judged.now else slot.not_finished_at end
    from judged
    where slot.tenant = judged.tenant and slot.schedule = judged.schedule and slot.at = judged.at
),
behind as (
    select judged.*, 'slot.not_started' as kind, start_by as by from judged where start_is_due and not_started
    union all
    select judged.*, 'slot.not_finished', finish_by from judged where finish_is_due and not_finished
),
noted as (
    insert into notice (tenant, kind, schedule, slot_at, data)
    select tenant, kind, schedule, at,
           json_build_object('by', by, 'state', state, 'reason', reason, 'batch', batch)::text
    from behind
    returning 1
)
select (select count(*) from judged) as "judged!", (select count(*) from noted) as "behind!";
