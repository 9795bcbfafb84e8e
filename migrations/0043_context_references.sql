-- From a context one comes to the jobs and batches that touched it, and from those to their contexts. The history of a
-- context keeps what made its last hundred versions; who touched it is asked for longer than that, and of those who only
-- read it too.

-- A row says that a job, or some job of a batch, has changed or read a context, and when it first did. A change is noted
-- for the job and for its batch, a read of a batch's job for the batch alone: a document that a million jobs read is one
-- row. Nobody updates a row, so none is hot; a duty deletes old ones.
create table context_reference (
    tenant int not null,
    key text not null,
    kind text not null constraint context_reference_kind check (kind in ('batch', 'job')),
    id bigint not null,
    what text not null constraint context_reference_what check (what in ('change', 'read')),
    at timestamptz not null default now(),
    primary key (kind, id, tenant, key, what)
);
create index context_reference_list on context_reference (tenant, key, kind, at, id, what);
create index context_reference_age on context_reference (at);

insert into context_reference (tenant, key, kind, id, what, at)
select tenant, key, 'job', job, 'change', min(at) from context_change where job is not null group by tenant, key, job
union all
select tenant, key, 'batch', batch, 'change', min(at) from context_change where batch is not null group by tenant, key, batch;
