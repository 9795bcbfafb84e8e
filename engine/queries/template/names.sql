-- The names of all templates, to find the one that somebody meant.
-- Index  template_version_identity.
-- Locks  none.
-- Gives  `namespace.name`, once each.
select distinct namespace || '.' || name as "name!"
from template_version
where tenant = $1 and position('/' in name) = 0 -- no parts
limit 1000;
