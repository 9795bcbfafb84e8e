-- Notes that a template's own schedule started a job.
-- Index  none: a row goes in.
-- Locks  the new row, after its schedule.
insert into schedule_job (tenant, schedule, job) values ($1, $2, $3);
