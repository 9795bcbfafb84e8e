-- Ends jobs that were to be cancelled when they lost their lease: at once, or through their machine if
-- they have a journal. Their result says who wanted it and why, as far as the wish still stands.
-- Index  held_cancelling; intent_job.
-- Locks  the extents, skip locked.
with due as materialized (
    select ctid as place, held.first_id as id, held.lane, held.eff, held.priority, held.attempt, held.losses, held.journaled
    from held
    where held.reason = 'cancelling'
    order by held.first_id
    limit 500
    for update skip locked
),
gone as (
    delete from held where ctid = any (array(select place from due))
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select id, id, lane, eff, now(), priority, attempt, losses, true from due where journaled
),
ordered as (
    -- one that its worker never read still stands
    insert into inbox (job, kind, data)
    select due.id, 'order',
           json_build_object('order', 'cancel', 'who', coalesce(intent.who, ''), 'why', coalesce(intent.why, ''))::text
    from due left join intent on intent.job = due.id and intent.verb = 'cancel'
    where due.journaled and not exists (select from inbox where inbox.job = due.id and inbox.kind = 'order')
),
ended as (
    insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, attempt, result)
    select due.id, due.id, lane.tenant, due.lane, nullif(lane.batch, 0), 'cancelled', 'cancelled', due.attempt,
           json_build_object('title', 'cancelled', 'detail', coalesce(intent.why, ''), 'who', coalesce(intent.who, ''))::text
    from due
    join lane on lane.id = due.lane
    left join intent on intent.job = due.id and intent.verb = 'cancel'
    where not due.journaled
),
told as (
    insert into tally (batch, kind, n)
    select lane.batch, 'cancelled', count(*)
    from due join lane on lane.id = due.lane where not due.journaled and lane.batch <> 0
    group by lane.batch
),
unread as (
    delete from inbox where kind = 'order' and job in (select id from due where not journaled)
),
released as (
    delete from request_key where hold = 'active' and job in (select id from due where not journaled)
),
fulfilled as (
    delete from intent where verb = 'cancel' and job in (select id from due)
)
select count(*) as "jobs!" from due;
