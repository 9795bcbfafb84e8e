-- Stores a batch that is to be planned. Its lane needs its id and follows in the same transaction.
-- Index  batch_pkey; batch_tenant_key refuses a second batch of one key.
-- Locks  the new row.
insert into batch (
    tenant, name, configuration, revision, state, strategy, template_version, purpose, document, purpose_input,
    priority, category, category_version, schedule, slot_at, slot_previous, release_window, created_by, idempotency_key,
    outside, timeout, retry_revision
)
values ($1, $2, $3, $4, 'planning', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
        $21)
returning id;
