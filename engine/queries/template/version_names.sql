-- The versions of one template, to find the one that somebody meant.
-- Index  template_version_identity (tenant, namespace, name).
-- Locks  none.
-- Gives  `namespace.name@version` each.
select namespace || '.' || name || '@' || version as "name!"
from template_version
where tenant = $1 and namespace = $2 and name = $3
limit 1000;
