-- Makes jobs of as many items of these groups as may be open beside those that are, unless too many ended badly ($3 of
-- each just now) or nobody wants the rest: what is open of such a group is to be cancelled.
-- Its caller has met the parents (`mail/meet.sql`), so that a group has one caller at a time.
-- Index  child_group_pkey, child_item_pkey, child_parent; outcome_pkey, one step back in its block.
-- Locks  the groups in order of parent and activity; then their children.
-- Gives  the groups that are over, and why.
with own as materialized (
    select child_group.*, child_group.failed + told.failed as bad,
           (select count(*) from child
            where child.parent = child_group.parent and child.activity = child_group.activity)::int4 as open,
           exists (select from (select last_id from outcome
                                where first_id <= child_group.parent and first_id >= child_group.parent / 1000 * 1000
                                order by first_id desc limit 1) near
                   where near.last_id >= child_group.parent) and on_close <> 'abandon' as lost
    from unnest($1::int8[], $2::int4[], $3::int4[]) told (parent, activity, failed)
    join child_group on child_group.parent = told.parent and child_group.activity = told.activity
    order by child_group.parent, child_group.activity
    for update of child_group
),
fed as materialized (
    select own.*, bad > failed_max as over,
           case when closed or lost or bad > failed_max then 0 else least(parallel - open, items - made) end as room
    from own
),
chosen as materialized (
    select fed.tenant, fed.parent, fed.activity, fed.template_version, fed.priority, fed.within, fed.on_close, fed.key, fed.seed,
           item.n, item.job, item.lane, item.input
    from fed
    cross join lateral (
        select n, job, lane, input from child_item
        where parent = fed.parent and activity = fed.activity and n >= fed.made and n < fed.made + fed.room
    ) item
),
stored as (
    insert into job (id, tenant, lane, template_version, parent, nonce, member_key, input, expires_at)
    select job, tenant, lane, template_version, parent, hashint8extended(job, seed), key || '/' || n, input,
           now() + make_interval(secs => within)
    from chosen
),
expiring as (
    insert into expiry (job, at)
    select job, now() + make_interval(secs => within) from chosen where within is not null
),
known as (
    insert into child (job, parent, activity, awaited, on_close)
    select job, parent, activity, false, on_close from chosen
),
extent as (
    select lane, priority, unnest(range_agg(int8range(job, job, '[]'))) as ids
    from chosen
    group by lane, priority, job / 1000
),
due as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority)
    select lower(ids), upper(ids) - 1, lane, now() - make_interval(secs => priority), now(), priority from extent
),
noted as (
    update child_group
    set made = fed.made + fed.room, failed = fed.bad, closed = fed.closed or fed.over or fed.lost
    from fed
    where child_group.parent = fed.parent and child_group.activity = fed.activity
),
unwanted as (
    update child set closing_at = now()
    from fed
    where child.parent = fed.parent and child.activity = fed.activity and not fed.closed and (fed.over or fed.lost)
      and child.closing_at is null
)
select parent as "parent!", activity as "activity!", items as "items!", bad as "failed!", failed_max as "failed_max!",
       over as "over!", closed as "closed!"
from fed
where over or lost or open + room = 0
order by parent, activity;
