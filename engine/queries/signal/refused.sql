-- Which signals, after one of a key and id, did somebody refuse that a job rests for which did not?
-- Index  signal_refused; wait_message.
-- Locks  none.
-- Gives  a row a signal of a page of 1,000: its name and key where somebody waits for it.
with page as materialized (
    select tenant, key, id, name, refused
    from signal
    where job is null and refused <> '{}' and (tenant, key, id) > ($1::int4, $2::text, $3::text)
    order by tenant, key, id
    limit 1000
)
select page.tenant, page.key, page.id, page.name,
       exists (select from wait
               where wait.tenant = page.tenant and wait.kind = 'signal' and wait.name = page.name and wait.key = page.key
                 and wait.n > 0 and coalesce(wait.mark, 0) <> all (page.refused)) as "awaited!"
from page
order by page.tenant, page.key, page.id;
