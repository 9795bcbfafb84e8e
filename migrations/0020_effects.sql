-- Effects: the keys in scope `effect` of `request_key` say which step has which effect in its tenant. Its job is
-- `job`, and `hash` is its idempotency key as it is. Nobody forgets them: what must not be done twice must not be
-- done twice later either.
--
-- A turn that opens a step with an effect takes its key; from then on nobody knows whether the call was made,
-- unless the worker that had the turn says that it was not: it gives the job back before it began the step.
-- Whoever begins it then unsays that first.

alter table request_key add column unbegun bool not null default false;
