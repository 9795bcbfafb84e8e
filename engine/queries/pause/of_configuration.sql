-- When was, or is, this job configuration paused? Its schedule's slots that fall into it are skipped.
-- Index  pause_identity.
-- Locks  none.
select since, until
from pause
where tenant = $1 and scope = 'configuration' and subject = $2;
