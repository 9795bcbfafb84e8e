-- What people publish and apply: templates, purposes, categories, job configurations, connections.
--
-- Template versions never change once published. Configuration documents have revisions, all kept:
-- equal content is no change, changed content is the next revision.

create table template_version (
    id int generated always as identity primary key,
    tenant int not null references tenant,
    namespace text not null,
    name text not null,
    version text not null,
    -- major, minor, patch, and 1 for a release or 0 for a pre-release, so that "newest" is an index scan
    rank bigint[] not null,
    hash text not null,
    title text,
    source text not null,
    bundle text not null,
    semantics smallint not null,
    journaled bool not null,
    -- handlers beyond the built-in functions, sorted and joined by commas: the lane's capability
    capability text not null default '',
    created_at timestamptz not null default now(),
    deprecated_at timestamptz,
    retired_at timestamptz,
    constraint template_version_identity unique (tenant, namespace, name, version)
);

-- Every kind but templates. `document` is the canonical form; `revision` counts from 1.
create table configuration (
    tenant int not null references tenant,
    kind text not null constraint configuration_kind check (kind in ('purpose', 'category', 'job_configuration', 'connection')),
    name text not null,
    revision int not null,
    document text not null,
    hash text not null,
    source_file text,
    applied_by text not null default '',
    applied_at timestamptz not null default now(),
    primary key (tenant, kind, name, revision)
);

-- A load of a category becomes visible when its writer commits under the category's row lock, so
-- versions commit in order and no row appears under a running plan.
create table category (
    id int generated always as identity primary key,
    tenant int not null references tenant,
    name text not null,
    version int not null default 0,
    items bigint not null default 0,
    checksum text,
    loaded_at timestamptz,
    constraint category_identity unique (tenant, name)
);

create table category_item (
    category int not null references category,
    -- first and last version of the category that this row belongs to
    added int not null,
    removed int,
    n bigint not null,
    -- byte order, whatever the database's own: plans are the same on every server
    key text collate "C" not null,
    object text collate "C",
    document text not null,
    primary key (category, added, n)
);
create index category_item_order on category_item (category, n);
create index category_item_key on category_item (category, key);
create index category_item_object on category_item (category, object, n);

-- A handler that a worker announced: name, version and the hash of its contract.
create table handler (
    tenant int not null references tenant,
    name text not null,
    version text not null,
    input_schema text,
    seen timestamptz not null default now(),
    primary key (tenant, name, version)
);
