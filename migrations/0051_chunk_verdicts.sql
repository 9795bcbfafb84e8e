-- Members of a chunk read how it ended, and not only how its job did.

-- How a chunk of a job ended, in its turn's own transaction; the latest counts where it ended several times. Chunks that
-- ended before this migration have no row: their members read what became of the job.
create table chunk_verdict (
    -- the job that the plan made, whose members these are
    job bigint not null,
    chunk int not null,
    -- the job that worked on it: that one, or one that repeats it
    told_by bigint not null,
    -- how often it ended in that job
    tries int not null constraint chunk_verdict_tries check (tries > 0),
    kind text not null constraint chunk_verdict_kind check (kind in ('completed', 'failed')),
    code text,
    fingerprint text,
    at timestamptz not null,
    primary key (job, chunk),
    constraint chunk_verdict_error check ((kind = 'failed') = (code is not null) and (kind = 'failed') = (fingerprint is not null))
);

-- Workers of the size of today's that a batch needs to be done by its deadline, as of the last look; null where that is not
-- known, or where it has none.
alter table forecast add column desired_workers int constraint forecast_desired_workers check (desired_workers > 0);
