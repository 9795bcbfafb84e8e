-- Folds the tally rows of the batch with the most of them into one a kind, so that sums stay cheap.
-- Index  tally_batch.
-- Locks  the rows, skip locked; sums are unchanged at every instant.
with many as materialized (
    select batch from tally group by batch having count(*) > 64 order by count(*) desc limit 1
),
row_of as materialized (
    select tally.ctid as place, tally.batch, tally.kind, tally.n
    from tally join many on many.batch = tally.batch
    limit 10000
    for update of tally skip locked
),
gone as (
    delete from tally where ctid = any (array(select place from row_of))
),
folded as (
    insert into tally (batch, kind, n)
    select batch, kind, sum(n) from row_of group by batch, kind
)
select count(*) as "folded!" from row_of;
