-- Deletes references of contexts that are older than $1 seconds.
-- Index  context_reference_age, context_reference_pkey.
-- Locks  the references, skip locked.
with old as materialized (
    select kind, id, tenant, key, what
    from context_reference
    where at < now() - make_interval(secs => $1::float8)
    order by at
    limit 1000
    for update skip locked
)
delete from context_reference using old
where context_reference.kind = old.kind and context_reference.id = old.id and context_reference.tenant = old.tenant
  and context_reference.key = old.key and context_reference.what = old.what;
