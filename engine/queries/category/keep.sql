-- Keeps how long what a category loses stays readable; its document is applied, so it is there again if it was deleted.
-- Index  category_identity.
-- Locks  the category's row; the caller holds the tenant's apply lock.
-- Gives  one row: whether it had been deleted.
with before as materialized (
    select deleted_at from category where tenant = $1 and name = $2
),
kept as (
    insert into category (tenant, name, retention) values ($1, $2, make_interval(secs => $3))
    on conflict on constraint category_identity do update
    set retention = excluded.retention, deleted_at = null, deleted_by = null
    where category.retention <> excluded.retention or category.deleted_at is not null
)
select exists (select from before where deleted_at is not null) as "was_deleted!";
