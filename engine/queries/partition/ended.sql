-- Has every job of this range ended, and when did the last one? Reads the whole range.
-- Index  job_pkey, outcome_pkey.
-- Locks  none.
select (select count(*) from job where id >= $1 and id < $2) as "jobs!",
       (select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome where first_id >= $1 and first_id < $2) as "ended!",
       (select max(at) from outcome where first_id >= $1 and first_id < $2) as "newest?";
