-- Who changed which movie through the API, when, and what it was before and
-- after. Kept when the movie is gone.

-- +goose Up

CREATE TABLE edits (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    movie_id bigint NOT NULL,
    action   text NOT NULL CHECK (action IN ('create', 'change', 'delete')),
    editor   text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    before   jsonb,
    after    jsonb
);
CREATE INDEX edits_movie ON edits (movie_id, id);
