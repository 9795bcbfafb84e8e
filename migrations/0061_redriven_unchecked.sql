-- What a redrive runs again is written by its own passes, which hold it.
alter table redrive_job drop constraint redrive_job_redrive_fkey;
