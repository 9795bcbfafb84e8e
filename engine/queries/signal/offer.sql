-- Gives kept signals of one name and key to the jobs that rest for them: the oldest signal to the job that has
-- waited longest, one each. What nobody waits for stays. Those that somebody refused are `signal/pass_on.sql`'s.
-- Its caller has met those who are about to rest (`mail/meet.sql`).
-- Index  signal_kept, signal_pkey; wait_message, wait_pkey.
-- Locks  the signals; then rows n = 0 of who waits in order of job, waiting for them: whoever has one may yet roll
--        back.
-- Gives  the jobs that got one, and how many that waited were woken by others meanwhile.
with kept as materialized (
    select id, data, at
    from signal
    where tenant = $1 and key = $2 and name = $3 and job is null and expires_at > now() and refused = '{}'
    order by at, id
    limit 100
    for update
),
first as materialized (
    select job, since
    from wait
    where tenant = $1 and kind = 'signal' and name = $3 and key = $2 and n > 0
    order by since, job
    limit (select count(*) from kept)
),
park as materialized (
    select job, lane, eff, priority, attempt, losses
    from wait
    where job = any (array(select job from first)) and n = 0
    order by job
    for update
),
given as materialized (
    select park.*, kept.id, kept.data
    from (select park.*, row_number() over (order by first.since, job) as place from park join first using (job)) park
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
select (select count(*) from given) as "given!", (select count(*) from first) - (select count(*) from park) as "gone!";
