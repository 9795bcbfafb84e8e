-- Question: the leases $1, whose jobs have all ended, are gone.
delete from lease where lease_id = any ($1::bigint[])
