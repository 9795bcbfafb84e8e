-- Where does the next page of jobs begin? The first id from $1 on that any table speaks of.
-- Index  job_pkey, ready_pkey, later_pkey, held_pkey, wait_pkey, outcome_pkey, journal_pkey, head_pkey, inbox_pkey,
--        request_pkey, expiry_pkey, deferral_pkey, intent_job, pause_job: one entry of each; leases are few.
-- Locks  none.
-- Gives  one row; null when there is none.
select least(
    (select min(id) from job where id >= $1),
    (select min(first_id) from ready where first_id >= $1),
    (select min(first_id) from later where first_id >= $1),
    (select min(first_id) from held where first_id >= $1),
    (select min(job) from wait where job >= $1),
    (select min(first_id) from outcome where first_id >= $1),
    (select min(job) from journal where job >= $1),
    (select min(job) from head where job >= $1),
    (select min(job) from inbox where job >= $1),
    (select min(job) from request where job >= $1),
    (select min(job) from expiry where job >= $1),
    (select min(job) from deferral where job >= $1),
    (select min(job) from intent where job >= $1),
    (select min(job) from pause where job >= $1),
    (select min(greatest($1, lower(range))) from lease cross join lateral unnest(jobs) as range where upper(range) > $1)
) as "id?";
