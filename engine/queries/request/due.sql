-- Makes jobs ready that were copied in this transaction.
-- Index  none.
-- Locks  new rows only.
-- Gives  the time of the jobs, and the catalogue's stamp: the transaction must not commit under another
--        one than it was resolved under.
with due as (
    insert into ready (first_id, last_id, lane, eff, run_at, priority)
    select new.first_id, new.last_id, new.lane, now() - make_interval(secs => new.priority), now(), new.priority
    from unnest($1::int8[], $2::int8[], $3::int4[], $4::int4[]) new (first_id, last_id, lane, priority)
)
select now() as "at!", stamp from catalogue;
