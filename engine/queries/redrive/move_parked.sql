-- Lets parked jobs go on, at the head of their lane, with all their tries; one that was lost with its
-- worker before stays alone.
-- Index  held_parked_order.
-- Locks  the held rows, skip locked, under the batches' locks.
-- Gives  a row a batch: how many of its jobs came back; batch 0 for the others.
with candidate as materialized (
    select ctid as place, held.first_id, held.lane, held.eff, held.priority, held.losses, held.journaled, held.fingerprint
    from held
    where held.first_id = any ($2) and held.reason = 'parked' and held.last_id = held.first_id
    order by held.first_id
    for update skip locked
),
gone as (
    delete from held where ctid = any (array(select place from candidate))
),
back as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select first_id, first_id, lane, eff, now(), priority, 0, least(losses, 2), journaled from candidate
),
noted as (
    insert into redrive_job (redrive, job, origin, fingerprint)
    select $1, first_id, first_id, fingerprint from candidate
    on conflict do nothing
),
told as (
    insert into tally (batch, kind, n)
    select lane.batch, 'restarted_parked', count(*)
    from candidate join lane on lane.id = candidate.lane
    where lane.batch <> 0
    group by lane.batch
)
select lane.batch as "batch!", count(*) as "jobs!"
from candidate join lane on lane.id = candidate.lane
group by lane.batch
order by lane.batch;
