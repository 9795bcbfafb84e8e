-- What made the versions of a context before $3, the newest first?
-- Index  context_change_pkey.
-- Locks  none.
-- Gives  up to $4 changes, and no more of them once their texts have eight megabytes; whether there are more.
with page as materialized (
    select * from context_change where tenant = $1 and key = $2 and version < $3 order by version desc limit $4
),
measured as materialized (
    select page.*,
           coalesce(sum(octet_length(data)) over (order by version desc rows between unbounded preceding and 1 preceding), 0) as before
    from page
)
select version as "version!", kind as "kind!", data as "data?", at as "at!", who as "who!", job as "job?", step as "step?",
       batch as "batch?", (select count(*) = $4 or max(before) >= 8388608 from measured) as "more!"
from measured
where before < 8388608
order by version desc;
