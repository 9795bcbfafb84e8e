-- Locks a category, so that its versions commit in order.
-- Index  category_identity.
-- Locks  the category's row, until the transaction ends; batches over it are made meanwhile.
-- Gives  one row or none.
select id, version, items, checksum, key_rule, deleted_at
from category
where tenant = $1 and name = $2
for no key update;
