-- Draws ids, up to a million in a pass, until none is left that a job has. Drawing only goes forward, so
-- whoever draws beside it is not disturbed; setting the sequence could go back.
-- Index  job_pkey, the last entry of each region.
-- Locks  none: sequences.
-- Gives  how many.
select
    (select count(nextval('job_block'))
     from job_block cross join lateral generate_series(
         1, least(1000000, (select max(id) / 1000 from job where id < 1000000000000000)
                            - case when is_called then last_value else last_value - 1 end))) +
    (select count(nextval('job_single'))
     from job_single cross join lateral generate_series(
         1, least(1000000, (select max(id) from job where id >= 1000000000000000 and id < 2000000000000000)
                            - case when is_called then last_value else last_value - 1 end)))
    as "rows!";
