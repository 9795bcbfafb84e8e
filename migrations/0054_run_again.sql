-- What runs again: a batch that is redriven, a chunk that failed.

-- Whoever ends batches asks whether a redrive of one is under way: it ends once. Redrives are few.
create index redrive_of_batch on redrive (batch) where batch is not null;

-- Whether the job works on a chunk again since it failed so.
alter table chunk_verdict
    add column again bool not null default false,
    add constraint chunk_verdict_again check (not again or kind = 'failed');
