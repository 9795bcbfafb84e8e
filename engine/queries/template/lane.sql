-- With which expression does a template version read the lanes of its jobs?
-- Index  template_version_pkey.
-- Locks  none: versions never change.
-- Gives  one row; no expression where the template says nothing.
select lane_expression, namespace || '.' || name as "name!" from template_version where id = $1;
