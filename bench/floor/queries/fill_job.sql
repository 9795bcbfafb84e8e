-- Question: jobs $1 to $2 with the payload $3.
insert into job (id, queue, payload) select id, 1, $3::text::jsonb from generate_series($1::bigint, $2::bigint) id
