-- Holds planned jobs until release, and notes their ranges of ids. The caller has put both together, so nothing is
-- sorted or grouped here.
-- Index  none.
-- Locks  new rows, after the batch.
with waiting as (
    insert into held (first_id, last_id, lane, eff, run_at, priority, reason)
    select first_id, last_id, lane, now() - make_interval(secs => $2::int4), now(), $2, 'planned'
    from unnest($3::int8[], $4::int8[], $5::int4[]) extent (first_id, last_id, lane)
)
insert into batch_range (batch, first_id, last_id)
select $1, first_id, last_id from unnest($6::int8[], $7::int8[]) range (first_id, last_id);
