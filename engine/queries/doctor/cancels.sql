-- Which jobs should have been cancelled: held for it for $1 seconds, or wished for twice as long ago? Not one that
-- a worker has and that has taken its order: it undoes what it did.
-- Index  held_cancelling; intent_pkey: wishes are few; inbox_pkey; leases are few.
-- Locks  none.
-- Gives  a row a code: how many of the first 10,000, and the first $2 of them.
with wrong as (
    (select first_id as id, run_at as at, 'cancel_overdue' as code
     from held where reason = 'cancelling' and run_at < now() - make_interval(secs => $1)
     order by first_id limit 10000)
    union all
    (select job, at, 'wish_overdue'
     from intent where job is not null and verb = 'cancel' and at < now() - make_interval(secs => 2 * $1)
       and (exists (select from inbox where inbox.job = intent.job and inbox.kind = 'order')
            or not exists (select from lease where lease.stop @> intent.job))
     order by id limit 10000)
)
select code as "code!", count(*) as "found!", (array_agg('j_' || id order by at, id))[1:$2::int4] as "subjects!",
       (array_agg('since ' || at order by at, id))[1:$2::int4] as "details!"
from wrong
group by code;
