-- no-transaction
-- Whoever ends batches asks whether a redrive of one is under way: it ends once.
create index concurrently redrive_of_batch on redrive (batch) where batch is not null;
