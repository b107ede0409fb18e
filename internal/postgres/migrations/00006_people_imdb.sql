-- Who people are at IMDb: what tells namesakes apart there. In steps that hold no
-- lock for long, each of which may have been done by a run that was stopped.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE people ADD COLUMN IF NOT EXISTS imdb_id text COLLATE "C";
ALTER TABLE people DROP CONSTRAINT IF EXISTS people_imdb_id_is_nm_and_digits;
ALTER TABLE people ADD CONSTRAINT people_imdb_id_is_nm_and_digits CHECK (imdb_id ~ '^nm[0-9]{7,10}$') NOT VALID;
ALTER TABLE people VALIDATE CONSTRAINT people_imdb_id_is_nm_and_digits;
DROP INDEX CONCURRENTLY IF EXISTS people_imdb_id;
CREATE UNIQUE INDEX CONCURRENTLY people_imdb_id ON people (imdb_id) WHERE imdb_id IS NOT NULL;
