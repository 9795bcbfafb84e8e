-- Jumps over the ids that a lost history may have given out: $1 blocks of jobs, as many single ones, $2 of
-- everything else. What nobody ever drew from stays.
-- Index  none.
-- Locks  none: what is drawn meanwhile is drawn before or behind the jump.
-- Gives  how many sequences jumped.
select count(setval(
           format('%I.%I', schemaname, sequencename)::regclass,
           last_value + case sequencename when 'job_block' then $1::int8 when 'job_single' then $1 * 1000 else $2::int8 end
       )) as "jumped!"
from pg_sequences
where schemaname = current_schema() and last_value is not null;
