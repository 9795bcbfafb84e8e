-- How many rows of this range have no partition of their own? Counted to 10,001 a table.
-- Index  job_kept_pkey, journal_kept_pkey, head_kept_pkey, outcome_kept_pkey.
-- Locks  none.
select (select count(*) from (select from job_kept where id >= $1 and id < $2 limit 10001) one) as "job!",
       (select count(*) from (select from journal_kept where job >= $1 and job < $2 limit 10001) one) as "journal!",
       (select count(*) from (select from head_kept where job >= $1 and job < $2 limit 10001) one) as "head!",
       (select count(*) from (select from outcome_kept where first_id >= $1 and first_id < $2 limit 10001) one) as "outcome!";
