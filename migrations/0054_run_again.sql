-- Whether a job works on a chunk again since it failed so. Says nothing of one that did not fail.
alter table chunk_verdict add column again bool not null default false;
