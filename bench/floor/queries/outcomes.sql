-- Question: how many jobs the engine has completed. Reads all of `outcome`: never inside what is timed.
select coalesce(sum(last_id - first_id + 1), 0)::bigint from windlass.outcome where kind = 'completed'
