-- Stores a batch that a step opens, to be planned, in the flush of the turn that says so, and when it is to be done. A
-- step that does not wait for its end is told its id at once; its row stays open only if the batch ends with the job. A
-- second time for one activity it does nothing.
-- Index  child_batch_parent refuses a second batch of one step; batch_pkey.
-- Locks  new rows only.
-- Gives  one row: whether it was made.
with known as (
    insert into child_batch (batch, parent, activity, on_close, failed_max, failed_percent, over, awaited)
    values ($1, $2, $3, $4, $5, $6, not $7::bool and $4 = 'abandon', $7)
    on conflict (parent, activity) do nothing
    returning batch, parent, activity, awaited
),
made as (
    insert into batch (
        id, tenant, name, configuration, revision, state, strategy, template_version, purpose, lane, document, purpose_input,
        priority, category, category_version, release_window, outside, timeout, retry_revision, created_by
    )
    overriding system value
    select batch, $8::int4, $9::text, $10::text, $11::int4, 'planning', $12::text, $13::int4, $14::text, $15::int4, $16::text,
           $17::text, $18::int4, $19::int4, $20::int4, $21::int8, $23::text,
           $24::float8, $25::int4, 'j_' || parent
    from known
),
due as (
    insert into forecast (batch, deadline) select batch, $22::timestamptz from known where $22 is not null
),
told as (
    insert into inbox (job, kind, data)
    select parent, 'child',
           json_build_object('activity', activity, 'job', 'b_' || batch, 'outcome', 'completed',
                             'result', json_build_object('id', 'b_' || batch))::text
    from known
    where not awaited
)
select exists (select from known) as "made!";
