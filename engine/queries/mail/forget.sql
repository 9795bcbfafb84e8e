-- Deletes letters that nobody will read: of jobs that have ended, or signals to a key that the listens of a job do not
-- want. Signals among them can be taken again, but not by the listens whose mark is given.
-- Index  inbox_pkey, signal_pkey.
-- Locks  the letters, then the signals.
-- Gives  how many.
with gone as (
    delete from inbox
    using unnest($1::int8[], $2::int8[], $3::int4[], $4::int8[]) letter (job, id, tenant, mark)
    where inbox.job = letter.job and inbox.id = letter.id
    returning inbox.job, letter.tenant, letter.mark, inbox.key, inbox.signal
),
kept as (
    update signal
    set job = null, refused = case when gone.mark is null then signal.refused else array_append(signal.refused, gone.mark) end
    from gone
    where signal.tenant = gone.tenant and signal.key = gone.key and signal.id = gone.signal and signal.job = gone.job
)
select count(*) as "letters!" from gone;
