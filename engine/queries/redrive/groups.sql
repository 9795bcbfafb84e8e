-- What is parked, by fingerprint: a loose scan, one descent a group, however many jobs a group has.
-- Index  held_parked, breaker_busy.
-- Locks  none.
-- Gives  up to $4 groups after the fingerprint $2, or from it on ($3); counts stop at 10,001.
with recursive step as (
    (select coalesce(fingerprint, '') as fingerprint
     from held
     where reason = 'parked' and coalesce(fingerprint, '') >= $2 and ($3 or coalesce(fingerprint, '') > $2)
     order by coalesce(fingerprint, '') limit 1)
    union all
    select (select coalesce(held.fingerprint, '')
            from held
            where held.reason = 'parked' and coalesce(held.fingerprint, '') > step.fingerprint
            order by coalesce(held.fingerprint, '') limit 1)
    from step
    where step.fingerprint is not null
),
page as materialized (
    select fingerprint from step where fingerprint is not null limit $4
)
select page.fingerprint as "fingerprint!", found.jobs as "jobs!", found.sample as "sample!",
       first.code as "code?", first.why as "why!", first.run_at as "first_at!",
       array(select breaker.template from breaker
             where breaker.tenant = $1 and breaker.fingerprint = page.fingerprint and breaker.state <> 'closed'
             order by breaker.template) as "breakers!"
from page
cross join lateral (
    select count(*) as jobs, (array_agg(first_id order by first_id))[1:5] as sample
    from (
        select held.first_id
        from held join lane on lane.id = held.lane
        where held.reason = 'parked' and coalesce(held.fingerprint, '') = page.fingerprint and lane.tenant = $1
        order by held.first_id
        limit 10001
    ) bounded
) found
cross join lateral (
    select held.code, held.why, held.run_at
    from held
    where held.reason = 'parked' and held.first_id = found.sample[1]
) first
where found.jobs > 0
order by page.fingerprint;
