-- The program's source of a template version that jobs are pinned to.
-- Index  template_version_pkey.
-- Locks  none: versions never change.
select bundle, semantics, namespace, name, version
from template_version
where id = $1;
