-- Ends a round over a page: it is gone when it is through, else its rest has its turn later.
-- Index  bulk_page_pkey, bulk_pkey.
-- Locks  the page, then its change.
with gone as (
    delete from bulk_page where bulk = $1 and n = $2 and remaining = 0 returning size, refused
),
later as (
    update bulk_page
    set rounds = rounds + 1, after_id = 0, due = now() + make_interval(secs => least(30, 2 ^ rounds))
    where bulk = $1 and n = $2 and remaining > 0 and after_id >= $3
)
update bulk
set done = bulk.done + gone.size - gone.refused, refused = bulk.refused + gone.refused
from gone
where bulk.id = $1;
