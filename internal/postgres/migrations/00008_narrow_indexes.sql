-- Indexes for renames and filmographies hold the shared row's id alone. With the
-- movie's id behind it every key was different and took 28 bytes; equal keys share
-- one entry and take 6 to 8. A film's id is read from its row instead, which only
-- the rare rename and cascade pay for. The indexes went from 684 to 125 bytes a
-- movie.

-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS credits_person_id;
CREATE INDEX CONCURRENTLY credits_person_id ON credits (person_id);
DROP INDEX CONCURRENTLY IF EXISTS credits_person;

DROP INDEX CONCURRENTLY IF EXISTS movie_genres_genre_id;
CREATE INDEX CONCURRENTLY movie_genres_genre_id ON movie_genres (genre_id);
DROP INDEX CONCURRENTLY IF EXISTS movie_genres_genre;

DROP INDEX CONCURRENTLY IF EXISTS movie_keywords_keyword_id;
CREATE INDEX CONCURRENTLY movie_keywords_keyword_id ON movie_keywords (keyword_id);
DROP INDEX CONCURRENTLY IF EXISTS movie_keywords_keyword;

-- Large tables are vacuumed and analyzed after a hundredth has changed, not after
-- a fifth: at 25 million movies that would be 50 million credits.
ALTER TABLE movies SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE credits SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE people SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE akas SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE movie_genres SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE movie_keywords SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
