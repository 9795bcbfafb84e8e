-- The hash of a template version.
-- Index  template_version_pkey.
-- Locks  none: versions never change.
select hash
from template_version
where id = $1;
