-- A page of template versions with what their authors wrote.
-- Index  template_version_identity (tenant, namespace, name, version).
-- Locks  none.
-- Gives  up to $5 rows after (namespace, name, version) = ($2, $3, $4).
select namespace, name, version, source
from template_version
where tenant = $1 and (namespace, name, version) > ($2, $3, $4) and position('/' in name) = 0 -- no parts
  and retired_at is null
order by namespace, name, version
limit $5;
