-- A restart: what failed, expired or parked in a batch runs again inside of it. It is a redrive that goes through
-- its batch's release and does not stop when an error returns: the batch's own rules say how much may fail.

-- The generation that a restart begins; null for other redrives. `members` are keys of members or objects, and
-- `template_version` is what its new jobs are pinned to instead.
alter table redrive
    add column generation int,
    add column members text[],
    add column template_version int references template_version;
create unique index redrive_restart on redrive (batch) where generation is not null and state = 'running';

-- Jobs of a batch that were made anew of failed ones: ranges of ids beside those of the plan.
create table anew_range (
    batch bigint not null references batch,
    first_id bigint not null,
    last_id bigint not null,
    primary key (batch, first_id)
);
insert into anew_range (batch, first_id, last_id)
select job.batch, job.id, job.id
from redrive_job
join job on job.id = redrive_job.job
where redrive_job.job <> redrive_job.origin and job.batch is not null;
