-- Everything that moves of the dispatch core change, one line of text a row, to be compared with the model.
-- Index  none: tests have few rows.
-- Locks  none; one snapshot.
select line from (
    select format('ready %s-%s %s %s %s %s %s %s', first_id, last_id, lane, e.text, priority, attempt, losses, journaled) as line
    from ready cross join lateral (
        select case when run >= $1 + interval '5 days' and run < $1 + interval '15 days' then 'now'
                    else (extract(epoch from eff - $1) * 1000)::bigint::text end as text
        from (select eff + make_interval(secs => priority) as run) r) e
    union all
    select format('later %s-%s %s %s %s %s %s %s %s', first_id, last_id, lane, e.text, priority, attempt, losses, journaled, d.text)
    from later cross join lateral (
        select case when run >= $1 + interval '5 days' and run < $1 + interval '15 days' then 'now'
                    else (extract(epoch from eff - $1) * 1000)::bigint::text end as text
        from (select eff + make_interval(secs => priority) as run) r) e
    cross join lateral (
        select case when run_at >= $1 + interval '5 days' and run_at < $1 + interval '15 days' then 'now'
                    else (extract(epoch from run_at - $1) * 1000)::bigint::text end as text) d
    union all
    select format('held %s-%s %s %s %s %s %s %s %s', first_id, last_id, lane, e.text, priority, attempt, losses, journaled, reason)
    from held cross join lateral (
        select case when run >= $1 + interval '5 days' and run < $1 + interval '15 days' then 'now'
                    else (extract(epoch from eff - $1) * 1000)::bigint::text end as text
        from (select eff + make_interval(secs => priority) as run) r) e
    union all
    select format('lease %s %s %s %s %s %s %s %s %s %s', claim, worker, lane, e.text, priority, attempt, losses, journaled, jobs, stop)
    from lease cross join lateral (
        select case when run >= $1 + interval '5 days' and run < $1 + interval '15 days' then 'now'
                    else (extract(epoch from eff - $1) * 1000)::bigint::text end as text
        from (select eff + make_interval(secs => priority) as run) r) e
    union all
    select format('wait %s %s %s %s %s %s %s', job, lane, e.text, priority, attempt, losses,
                  case when due is not null then (extract(epoch from due - $1) * 1000)::bigint::text end)
    from wait cross join lateral (
        select case when run >= $1 + interval '5 days' and run < $1 + interval '15 days' then 'now'
                    else (extract(epoch from eff - $1) * 1000)::bigint::text end as text
        from (select eff + make_interval(secs => priority) as run) r) e
    union all
    select format('outcome %s %s %s %s %s %s %s %s', id, lane, batch, kind, code, attempt, claim, result is not null)
    from outcome, generate_series(first_id, last_id) id
    union all
    select format('batch %s %s %s', id, state, released) from batch
    union all
    select format('tally %s %s %s', batch, kind, sum(n)) from tally group by batch, kind having sum(n) <> 0
    union all
    select format('journal %s %s', job, count(*)) from journal group by job
    union all
    select format('inbox %s %s', job, count(*)) from inbox group by job
    union all
    select format('intent %s', job) from intent where job is not null
    union all
    select format('worker %s %s', id, dead_at is null) from worker
) rows
order by line collate "C";
