-- What the importer remembers.

-- +goose Up

-- How far each file has come; written in the transaction of the chunk it counts.
-- A file is known by its name, size, modification time and the hash of its
-- beginning.
CREATE TABLE import_progress (
    file        text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    bytes       bigint NOT NULL,
    lines       bigint NOT NULL,
    created     bigint NOT NULL,
    updated     bigint NOT NULL,
    unchanged   bigint NOT NULL,
    rejected    bigint NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (fingerprint)
);

-- A line with neither id nor imdb_id is known by the hash of its title, year and
-- directors: imported again it finds the movie it made, even if that has been
-- edited since.
CREATE TABLE import_keys (
    key      bytea PRIMARY KEY,
    movie_id bigint NOT NULL REFERENCES movies ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX import_keys_movie ON import_keys (movie_id);
