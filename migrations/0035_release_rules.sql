-- A batch is let go by rules that people may change while it runs: rate, hours, canary and tolerance. So it keeps its
-- own copy of them, and how far it has come by them.

alter table batch
    -- rate, hours, zone, calendar, canary, tolerance; null until the first release, which takes them from the document
    add column rules text,
    -- it has a tolerance, so its endings are judged before it ends
    add column judged bool not null default false,
    -- so many releases were let through by the stages of its canary
    add column let_through bigint not null default 0,
    -- what its rate had left, and when
    add column tokens float8,
    add column tokens_at timestamptz,
    -- too much failed: what was done about it, and when; null again once a person lets it go on
    add column tripped text constraint batch_tripped check (tripped in ('pause', 'fail', 'continue')),
    add column tripped_at timestamptz,
    add constraint batch_tripped_at check ((tripped is null) = (tripped_at is null));
create index batch_judged on batch (id) where judged and finished_at is null;

-- A halt is a pause of a batch by its own rules. It has a scope of its own, beside a person's pause of the same batch:
-- only who resumes the batch ends it. A duty deletes it with the end of the batch.
alter table pause drop constraint pause_scope;
alter table pause add constraint pause_scope
    check (scope in ('queue', 'template', 'purpose', 'tenant', 'batch', 'configuration', 'job', 'breaker', 'halt'));

create or replace view lane_pause as
select lane.id as lane, pause.id, pause.scope, pause.subject, pause.mode, pause.who, pause.why, pause.since, pause.until
from pause
join lane on lane.tenant = pause.tenant
    and case pause.scope
            when 'tenant' then true
            when 'queue' then lane.queue = pause.subject
            when 'template' then lane.template = pause.subject
            when 'breaker' then lane.template = pause.subject and lane.probe_of is null
            when 'purpose' then lane.purpose = pause.subject
            when 'batch' then lane.batch::text = pause.subject
            when 'halt' then lane.batch::text = pause.subject
            when 'configuration' then exists (select from batch where batch.id = lane.batch and batch.configuration = pause.subject)
            else false
        end
where pause.job is null
  and (pause.until is null or pause.until > (select now() + clock_offset from cluster));
