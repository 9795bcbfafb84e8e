-- Moves chosen planned jobs of a batch into `ready`, the first $2 of $3; the rest of their extents stays.
-- Index  held_pkey, one step back inside the block of 1,000 ids; batch_pkey.
-- Locks  the extents in order, skip locked, under the batch's lock.
-- Gives  one row: how many.
with found as materialized (
    select distinct near.first_id
    from unnest($3::int8[]) chosen (job)
    cross join lateral (
        select held.first_id, held.last_id, held.reason
        from held
        where held.first_id <= chosen.job and held.first_id >= chosen.job / 1000 * 1000
        order by held.first_id desc
        limit 1
    ) near
    where near.last_id >= chosen.job and near.reason = 'planned'
),
candidate as materialized (
    select held.ctid as place, held.*
    from found join held on held.first_id = found.first_id and held.reason = 'planned'
    order by held.first_id
    for update of held skip locked
),
picked as materialized (
    select candidate.first_id, chosen.job
    from candidate join unnest($3::int8[]) chosen (job) on chosen.job between candidate.first_id and candidate.last_id
    order by chosen.job
    limit $2
),
cut as materialized (
    select candidate.*, batch.priority as new_priority, parts.gone,
           int8multirange(int8range(candidate.first_id, candidate.last_id, '[]')) - parts.gone as kept
    from (select first_id, range_agg(int8range(job, job, '[]')) as gone from picked group by first_id) parts
    join candidate using (first_id)
    join batch on batch.id = $1
),
gone as (
    delete from held where ctid = any (array(select place from cut)) returning first_id
),
-- After its extent is gone: what is left may begin with the same id.
rest as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why)
    select lower(part), upper(part) - 1, lane, eff, run_at, priority, attempt, losses, journaled, reason, until, who, why
    from gone join cut using (first_id) cross join lateral unnest(kept) part
),
moved as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select lower(part), upper(part) - 1, lane, now() - make_interval(secs => new_priority), now(), new_priority, attempt, losses, journaled
    from cut cross join lateral unnest(cut.gone) part
)
select count(*) as "jobs!" from picked;
