-- Who got this signal, if it was sent before?
-- Index  signal_pkey.
-- Locks  none.
select job from signal where tenant = $1 and key = $2 and id = $3;
