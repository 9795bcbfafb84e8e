-- What must a worker offer for the jobs of this template version?
-- Index  template_version_pkey.
-- Locks  none.
select capability from template_version where id = $1;
