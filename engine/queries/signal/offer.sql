-- Gives kept signals of one name and key to the jobs that rest for them: the oldest signal to the job that has
-- waited longest, one each. What nobody waits for stays.
-- Its caller has met those who are about to rest (`mail/meet.sql`).
-- Index  signal_kept, signal_pkey; wait_message, wait_pkey.
-- Locks  the signals; then rows n = 0 of who waits, waiting for them: whoever has one may yet roll back.
-- Gives  the jobs that got one.
with kept as materialized (
    select id, data, at
    from signal
    where tenant = $1 and key = $2 and name = $3 and job is null and expires_at > now()
    order by at, id
    limit 100
    for update
),
park as materialized (
    select park.job, park.lane, park.eff, park.priority, park.attempt, park.losses, cause.since
    from wait cause
    join wait park on park.job = cause.job and park.n = 0
    where cause.tenant = $1 and cause.kind = 'signal' and cause.name = $3 and cause.key = $2 and cause.n > 0
    order by cause.since, cause.job
    limit (select count(*) from kept)
    for update of park
),
given as materialized (
    select park.*, kept.id, kept.data
    from (select *, row_number() over (order by since, job) as place from park) park
    join (select *, row_number() over (order by at, id) as place from kept) kept using (place)
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
select job as "job!" from given;
