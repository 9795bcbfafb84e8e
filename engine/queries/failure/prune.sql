-- Forgets what no judgement reads any more: losses after a week, deferrals after an hour.
-- Index  loss_at, deferral_until.
-- Locks  the rows.
-- Gives  how many rows, at most 1,000 of each kind.
with lost as (
    delete from loss where id in (select id from loss where at < now() - interval '7 days' order by at limit 1000)
    returning 1
),
deferred as (
    delete from deferral
    where job in (select job from deferral where until < now() - interval '1 hour' order by until limit 1000)
    returning 1
)
select (select count(*) from lost) + (select count(*) from deferred) as "rows!";
