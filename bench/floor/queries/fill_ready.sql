-- Question: jobs $1 to $2 ready, 1,000 in a row.
insert into ready (queue, first_id, next_id, last_id)
select 1, first_id, first_id, least(first_id + 999, $2) from generate_series($1::bigint, $2::bigint, 1000) first_id
