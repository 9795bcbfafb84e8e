-- Puts parked jobs back among what its batch is to release, with all their tries and all that they did.
-- Index  held_parked_order.
-- Locks  the held rows, skip locked, under the batch's lock.
-- Gives  one row: how many.
with candidate as materialized (
    select ctid as place, held.first_id, held.fingerprint
    from held
    where held.first_id = any ($2) and held.reason = 'parked' and held.last_id = held.first_id
    order by held.first_id
    for update skip locked
),
gone as (
    delete from held where ctid = any (array(select place from candidate))
    returning first_id, last_id, lane, eff, priority, losses, journaled
),
planned as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason)
    select first_id, last_id, lane, eff, now(), priority, 0, least(losses, 2), journaled, 'planned' from gone
),
noted as (
    insert into redrive_job (redrive, job, origin, fingerprint)
    select $1, first_id, first_id, fingerprint from candidate
    on conflict do nothing
),
told as (
    insert into tally (batch, kind, n)
    select $3, 'restarted_parked', count(*) from candidate having count(*) > 0
)
select count(*) as "jobs!" from candidate;
