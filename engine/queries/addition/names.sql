-- Which of these names does an opened batch have?
-- Index  batch_name_pkey, once a name.
-- Locks  none: under the batch's lock nobody adds one.
select one.name
from unnest($2::bool[], $3::text[]) as wanted (is_object, name)
join batch_name one on one.batch = $1 and one.is_object = wanted.is_object and one.name = wanted.name
order by one.name;
