-- Deletes heads of turns that are not there, of jobs with ids from $1 to $2 whose journal has no gap: a head
-- only saves reading, and the journal tells the same.
-- Index  head_pkey, journal_pkey by range.
-- Locks  the heads. A turn and its head are written together, by the one who holds the job.
-- Gives  how many.
with wrong as materialized (
    select head.job, head.seq
    from head
    where head.job between $1 and $2
      and not exists (select from journal where journal.job = head.job and journal.seq = head.seq)
      and (select coalesce(min(seq), 1) = 1 and coalesce(max(seq), 0) = count(*) from journal where journal.job = head.job)
),
gone as (
    delete from head using wrong where head.job = wrong.job and head.seq = wrong.seq returning head.job
)
select count(*) as "rows!" from gone;
