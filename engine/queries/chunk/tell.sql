-- Notes how chunks of jobs ended, in the transaction of the turns that say so; the latest verdict of each counts. It stands
-- under the job whose members they are: one that was made anew works on those of the job that it repeats.
-- Index  job_pkey; chunk_verdict_pkey.
-- Locks  the verdicts, in order; nobody else writes those of a job than who holds it.
with recursive told as materialized (
    select *
    from unnest($1::int8[], $2::int4[], $3::text[], $4::text[], $5::timestamptz[])
         with ordinality told (job, chunk, code, fingerprint, at, place)
),
origin as (
    select asked.job as told_by, job.id, job.redrive_of
    from (select distinct job from told) asked
    join job on job.id = asked.job
    union all
    select origin.told_by, job.id, job.redrive_of
    from origin join job on job.id = origin.redrive_of
)
insert into chunk_verdict (job, chunk, told_by, tries, kind, code, fingerprint, at)
select distinct on (origin.id, told.chunk)
       origin.id, told.chunk, told.job, 1, case when told.code is null then 'completed' else 'failed' end,
       told.code, told.fingerprint, told.at
from told
join origin on origin.told_by = told.job and origin.redrive_of is null
order by origin.id, told.chunk, told.place desc
on conflict (job, chunk) do update
    set told_by = excluded.told_by,
        tries = case when chunk_verdict.told_by = excluded.told_by then chunk_verdict.tries + 1 else 1 end,
        again = false, kind = excluded.kind, code = excluded.code, fingerprint = excluded.fingerprint, at = excluded.at;
