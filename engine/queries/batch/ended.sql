-- What became of jobs: the outcomes of those from $1 to $2, runs of ids that have no others between.
-- Index  outcome_pkey: for each run one step back inside its block of 1,000, which no extent leaves, and from there its range.
-- Locks  none.
-- Gives  outcomes in the order of their jobs. Results, where $3 asks for them, have at most $4 bytes together in all
--        rows but the last; no row comes behind that one.
select first_id as "first_id!", last_id as "last_id!", kind as "kind!", code, fingerprint, attempt as "attempt!",
       at as "at!", result
from (
    select o.first_id, o.last_id, o.kind, o.code, o.fingerprint, o.attempt, o.at, case when $3 then o.result end as result,
           sum(case when $3 then octet_length(o.result) end)
               over (order by o.first_id rows between unbounded preceding and 1 preceding) as before
    from unnest($1::int8[], $2::int8[]) run (first, last)
    cross join lateral (
        select * from outcome
        where first_id between coalesce((select max(near.first_id) from outcome near
                                         where near.first_id between run.first / 1000 * 1000 and run.first), run.first)
                           and run.last
          and last_id >= run.first) o
) ended
where coalesce(before, 0) <= $4
order by first_id;
