-- Which version of a category does a plan read that begins now?
-- Index  category_identity.
-- Locks  none: later loads do not touch the plan.
select id, version
from category
where tenant = $1 and name = $2 and version >= kept_from and deleted_at is null;
