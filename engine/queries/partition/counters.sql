-- How far have ids come? Blocks of 1,000, and the single ones of `submit`.
-- Index  none.
-- Locks  none.
select (select last_value from job_block) * 1000 as "blocks!", (select last_value from job_single) as "singles!";
