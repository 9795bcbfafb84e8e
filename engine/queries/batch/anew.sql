-- Jobs of a batch that were made anew of failed ones and are not released: in a stage they go before what was never tried.
-- Index  anew_range_pkey; held_pkey by range.
-- Locks  none: they are moved under their own.
-- Gives  up to $2 ids.
select again.job as "job!"
from anew_range
cross join lateral (
    select first_id, last_id from held
    where first_id between anew_range.first_id and anew_range.last_id and reason = 'planned'
    offset 0
) planned
cross join lateral generate_series(planned.first_id, planned.last_id) again (job)
where anew_range.batch = $1
order by again.job
limit $2;
