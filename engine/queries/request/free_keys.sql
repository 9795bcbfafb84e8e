-- Forgets idempotency keys that were held while a job was open and whose job has its outcome. A page of
-- them behind $1, in the order of their jobs.
-- Index  request_key_active; outcome_pkey.
-- Locks  the rows, skip locked. A row that was taken over meanwhile bears a job without an outcome.
-- Gives  how many it forgot, and the last job it looked at, null behind the last page.
with page as materialized (
    select tenant, scope, key, job
    from request_key
    where hold = 'active' and job > $1
    order by job
    limit 1000
    for update skip locked
),
freed as (
    delete from request_key using page
    where request_key.tenant = page.tenant and request_key.scope = page.scope and request_key.key = page.key
      and request_key.job = page.job
      and exists (
          select from (select outcome.last_id from outcome
                       where outcome.first_id <= page.job and outcome.first_id >= page.job / 1000 * 1000
                       order by outcome.first_id desc limit 1) near
          where near.last_id >= page.job)
    returning 1
)
select (select count(*) from freed) as "freed!", (select max(job) from page) as last
