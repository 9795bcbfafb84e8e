-- Jobs of a batch that were made anew of failed ones and are not released: in a stage they go before what was never tried.
-- Index  anew_range_pkey; held_pkey by range.
-- Locks  none: they are moved under their own.
-- Gives  up to $2 ids.
select again.job as "job!"
from anew_range
join held on held.first_id >= anew_range.first_id and held.first_id <= anew_range.last_id and held.reason = 'planned'
cross join lateral generate_series(held.first_id, held.last_id) again (job)
where anew_range.batch = $1
order by again.job
limit $2;
