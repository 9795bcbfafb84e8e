-- Keeps what a pass of the check $1 found, and where the next one goes on.
-- Index  doctor_check_pkey.
-- Locks  the row.
update doctor_check
set cursor_id = $2::int8,
    seconds = $3,
    unfinished = $4::text,
    findings = case when $2::int8 = 0 and $4::text is null then $5::jsonb else findings end,
    found_so_far = case when $2::int8 = 0 and $4::text is null then '[]' else $5::jsonb end,
    checked_at = case when $2::int8 = 0 and $4::text is null then now() else checked_at end
where name = $1;
