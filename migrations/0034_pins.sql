-- The versions of its children that a template version was published with: `{"namespace.name": "1.2.3"}`. Written once,
-- with the version.
alter table template_version add column pins jsonb not null default '{}';
