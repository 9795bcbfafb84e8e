-- A batch expects so many settlements more, of jobs that it has yet to release. No more is accepted than is bad now.
-- Index  batch_pkey; tally_batch.
-- Locks  the batch, held already.
update batch
set expected = expected + $2, released = released - $2,
    state = case when state = 'paused' then state else 'releasing' end,
    accepted = least(accepted, (
        select coalesce(sum(case when kind like 'restarted_%' then -n else n end), 0)
        from tally
        where tally.batch = $1 and kind = any ('{failed,parked,expired,restarted_failed,restarted_parked,restarted_expired}'))),
    finished_at = null
where id = $1;
