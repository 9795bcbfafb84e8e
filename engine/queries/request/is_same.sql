-- Was this job asked for with the same words? For keys whose print was made by the SQL function, which
-- knows another form of the input.
-- Index  job_pkey, request_pkey.
-- Locks  none.
select exists (
    select
    from job
    left join request on request.job = job.id
    where job.id = $1 and job.lane = $2 and job.input::jsonb = $3::text::jsonb
      and request.start_at is not distinct from $4 and request.expires_at is not distinct from $5
      and coalesce(request.tags, '{}') = coalesce($6::jsonb, '{}')
) as "is_same!";
