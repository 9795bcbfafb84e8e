-- Moves a breaker to its next state.
-- Index  breaker_pkey.
-- Locks  the row, held already.
update breaker
set state = $3, step = $4, round = $5, refusals = $6, due = $7, why = $8, who = $9,
    since = case when breaker.state = $3 then breaker.since else now() end,
    counted_from = case when $3 = 'closed' then clock_timestamp() else breaker.counted_from end
where tenant = $1 and template = $2;
