-- Publishes a template version, unless that version exists.
-- Index  template_version_identity.
-- Locks  the new row; a version published meanwhile by another answers none.
-- Gives  the new id, or none when the version exists already.
insert into template_version
    (tenant, namespace, name, version, rank, hash, title, source, bundle, semantics, journaled, capability,
     purpose, lane_expression)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict on constraint template_version_identity do nothing
returning id;
