-- What the author of this version wrote, word for word.
-- Index  template_version_identity.
-- Locks  none.
-- Gives  one row or none.
select source from template_version
where tenant = $1 and namespace = $2 and name = $3 and version = $4;
