-- Why a job failed the last time, for people; empty while it did not.
ALTER TABLE jobs ADD COLUMN last_error {text} NOT NULL DEFAULT '';
