-- Deletes names of a batch to which nothing is added any more.
-- Index  batch_names_kept (id); batch_name_pkey.
-- Locks  up to $1 names of a batch, or the batch itself, once there are none: its releaser passes over a locked batch.
-- Gives  how many went, and one more for a batch that has none left.
with over as materialized (
    select id from batch
    where names_kept and state <> 'planning' and (closed_at is not null or finished_at is not null)
    order by id
    limit 1
),
page as materialized (
    select ctid as spot
    from batch_name
    where batch = (select id from over)
    order by is_object, name
    limit $1
),
-- By their places: nobody changes names any more, and a join would look at all that are left.
gone as (
    delete from batch_name where ctid = any (array(select spot from page)) returning 1
),
through as (
    update batch set names_kept = false
    where id in (select id from over) and names_kept and not exists (select from page)
    returning 1
)
select (select count(*) from gone) + (select count(*) from through) as "moved!";
