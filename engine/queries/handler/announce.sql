-- Announces the handlers that a worker offers: templates that call them can be published from then on.
-- Index  handler_pkey.
-- Locks  the rows, in order of their key.
insert into handler (tenant, name, version)
select $1, name, version
from unnest($2::text[], $3::text[]) as offered (name, version)
order by name, version
on conflict (tenant, name, version) do update set seen = now();
