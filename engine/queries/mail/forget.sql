-- Deletes letters of jobs that have ended; signals among them can be taken again.
-- Index  inbox_pkey, signal_pkey.
-- Locks  the letters, then the signals.
-- Gives  how many.
with gone as (
    delete from inbox
    using unnest($1::int8[], $2::int8[], $3::int4[]) letter (job, id, tenant)
    where inbox.job = letter.job and inbox.id = letter.id
    returning inbox.job, letter.tenant, inbox.key, inbox.signal
),
kept as (
    update signal set job = null
    from gone
    where signal.tenant = gone.tenant and signal.key = gone.key and signal.id = gone.signal and signal.job = gone.job
)
select count(*) as "letters!" from gone;
