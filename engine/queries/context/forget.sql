-- Deletes changes of contexts that are older than $1 seconds.
-- Index  context_change_age, context_change_pkey.
-- Locks  the changes, skip locked.
with old as materialized (
    select tenant, key, version
    from context_change
    where at < now() - make_interval(secs => $1::float8)
    order by at
    limit 1000
    for update skip locked
)
delete from context_change using old
where context_change.tenant = old.tenant and context_change.key = old.key and context_change.version = old.version;
