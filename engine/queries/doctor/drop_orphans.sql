-- Deletes what is said to jobs with ids from $1 to $2 that do not exist: mail, what they heard, whose children they
-- were, wishes, times to start, excuses, pauses. Journals, heads and requests stay: they may be all that is left of a job.
-- Index  inbox_pkey, child_pkey, heard_pkey, intent_job, expiry_pkey, deferral_pkey, pause_job by range; job_pkey.
-- Locks  the rows.
-- Gives  how many.
with mail as (
    delete from inbox where job between $1 and $2 and (select count(*) from job where job.id = inbox.job) = 0 returning 1
),
heir as (
    delete from child where job between $1 and $2 and (select count(*) from job where job.id = child.job) = 0 returning 1
),
memory as (
    delete from heard where job between $1 and $2 and (select count(*) from job where job.id = heard.job) = 0 returning 1
),
wish as (
    delete from intent where job is not null and job between $1 and $2 and (select count(*) from job where job.id = intent.job) = 0
    returning 1
),
time as (
    delete from expiry where job between $1 and $2 and (select count(*) from job where job.id = expiry.job) = 0 returning 1
),
excuse as (
    delete from deferral where job between $1 and $2 and (select count(*) from job where job.id = deferral.job) = 0 returning 1
),
stop as (
    delete from pause where job is not null and job between $1 and $2 and (select count(*) from job where job.id = pause.job) = 0
    returning 1
)
select (select count(*) from mail) + (select count(*) from heir) + (select count(*) from memory) + (select count(*) from wish) + (select count(*) from time)
       + (select count(*) from excuse) + (select count(*) from stop) as "rows!";
