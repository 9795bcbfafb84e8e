-- Which signals that nobody refused are kept although a job rests for them, and what should have been told, given
-- back, deleted or published $1 seconds ago?
-- Index  signal_kept, wait_message; child_pkey, inbox_pkey and the outcome's key, one step back in its block;
--        signal_expiry; event_new_pkey, event_pkey.
-- Locks  none; one snapshot, and whoever keeps or rests has met the other.
-- Gives  a row a code: how many of the first 10,000, and the first $2 of them.
with late as (
    select now() - make_interval(secs => $1) as since
),
awaited as (
    select distinct cause.tenant, cause.key, cause.name
    from wait cause
    where cause.kind = 'signal' and cause.n > 0
),
wrong as (
    (select kept.key || ' ' || kept.name as subject, kept.id as detail, 'signal_missed' as code
     from awaited
     cross join lateral (
         select signal.key, signal.name, signal.id from signal
         where signal.tenant = awaited.tenant and signal.key = awaited.key and signal.name = awaited.name
           and signal.job is null and signal.expires_at > now() and signal.refused = '{}' limit 1) kept
     limit 10000)
    union all
    (select 'j_' || child.parent, 'j_' || child.job || ' has ended', 'child_untold'
     from (select * from child order by job) child
     cross join lateral (
         select * from (select last_id, at from outcome
                        where first_id <= child.job and first_id >= child.job / 1000 * 1000
                        order by first_id desc limit 1) near
         where near.last_id >= child.job and near.at < (select since from late)) ended
     limit 10000)
    union all
    (select distinct 'j_' || inbox.job, 'the job has ended', 'letter_left'
     from inbox
     cross join lateral (
         select * from (select last_id, at from outcome
                        where first_id <= inbox.job and first_id >= inbox.job / 1000 * 1000
                        order by first_id desc limit 1) near
         where near.last_id >= inbox.job and near.at < (select since from late)) ended
     limit 10000)
    union all
    (select key || ' ' || name, 'since ' || expires_at, 'signal_overdue'
     from signal where expires_at < (select since from late) order by expires_at limit 10000)
    union all
    (select 'e_' || id, 'since ' || at, 'event_overdue'
     from event_new where at < (select since from late) order by id limit 10000)
    union all
    (select 'e_' || pos, 'nobody was woken since ' || at, 'event_overdue'
     from event where pos > (select pos from event_woken) and at < (select since from late) order by pos limit 10000)
)
select code as "code!", count(*) as "found!", (array_agg(subject order by subject))[1:$2::int4] as "subjects!",
       (array_agg(detail order by subject))[1:$2::int4] as "details!"
from wrong
group by code;
