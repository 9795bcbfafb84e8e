-- Gives kept signals of one name and key that somebody refused to jobs that rest for them with other listens: each
-- signal to the job that has waited longest of those that did not refuse it, one a job.
-- Its caller has met those who are about to rest (`mail/meet.sql`).
-- Index  signal_kept, signal_pkey; wait_message, wait_pkey.
-- Locks  the signals; then rows n = 0 of who waits in order of job, waiting for them: whoever has one may yet roll
--        back.
-- Gives  how many got one, and how many that waited were woken by others meanwhile.
with kept as materialized (
    select id, data, at, refused
    from signal
    where tenant = $1 and key = $2 and name = $3 and job is null and expires_at > now() and refused <> '{}'
    order by at, id
    limit 1000
    for update
),
first as materialized (
    select distinct on (next.job) next.job, kept.id, kept.data
    from kept
    cross join lateral (
        select wait.job
        from wait
        where wait.tenant = $1 and wait.kind = 'signal' and wait.name = $3 and wait.key = $2 and wait.n > 0
          and coalesce(wait.mark, 0) <> all (kept.refused)
        order by wait.since, wait.job
        limit 1
    ) next
    order by next.job, kept.at, kept.id
),
park as materialized (
    select job, lane, eff, priority, attempt, losses
    from wait
    where job = any (array(select job from first)) and n = 0
    order by job
    for update
),
given as materialized (
    select park.*, first.id, first.data from park join first using (job)
),
taken as (
    update signal set job = given.job from given where signal.tenant = $1 and signal.key = $2 and signal.id = given.id
),
letters as (
    insert into inbox (job, kind, data, name, key, signal) select job, 'signal', data, $3, $2, id from given
),
gone as (
    delete from wait using given where wait.job = given.job
),
woken as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
    select job, job, lane, eff, now(), priority, attempt, losses, true from given
)
select (select count(*) from given) as "given!", (select count(*) from first) - (select count(*) from park) as "gone!";
