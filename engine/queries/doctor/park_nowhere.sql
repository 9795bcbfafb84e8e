-- Parks jobs with ids from $1 to $2 that stand nowhere: what became of them is unknown, so a person looks.
-- A redrive runs them. Who stands nowhere cannot be moved by anybody: to take a holder is the right to act.
-- Index  job_pkey, ready_pkey, later_pkey, held_pkey, wait_pkey, outcome_pkey by range; journal_pkey; leases are few.
-- Locks  the new rows, under the check's lock: two doctors take turns.
-- Gives  how many.
with stands as materialized (
    select coalesce(range_agg(int8range(first_id, last_id, '[]')), '{}') as ids
    from (
        select first_id, last_id from ready where first_id between $1 and $2
        union all
        select first_id, last_id from later where first_id between $1 and $2
        union all
        select first_id, last_id from held where first_id between $1 and $2
        union all
        select lower(range), upper(range) - 1 from lease cross join lateral unnest(jobs) as range
        where jobs && int8range($1, $2, '[]')
        union all
        select job, job from wait where n = 0 and job between $1 and $2
        union all
        select first_id, last_id from outcome where first_id between $1 and $2 and last_id >= first_id
    ) place
),
lost as materialized (
    select job.id, job.lane, job.batch
    from job cross join stands
    where job.id between $1 and $2 and not stands.ids @> job.id
    order by job.id
    limit 10000
),
kept as (
    insert into held (first_id, last_id, lane, eff, run_at, journaled, reason, who, why, code, fingerprint)
    select id, id, lane, now(), now(), coalesce((select true from journal where journal.job = lost.id limit 1), false), 'parked', 'doctor',
           'it stood nowhere: what became of it is unknown', 'job_nowhere', 'job_nowhere'
    from lost
),
told as (
    insert into tally (batch, kind, n)
    select batch, 'parked', count(*) from lost where batch is not null group by batch
)
select count(*) as "rows!" from lost;
